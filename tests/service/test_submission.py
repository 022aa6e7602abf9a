from pathlib import Path

import pytest

from kerasearch.models.datasets import BUILTIN, Schema, inspect_file
from kerasearch.searchspaces import SearchSpace, default_space
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.submission import understand

JOB = {"model": "mlp", "data": {"dataset": "digits"}}


def understood(document: dict[str, object], *uploaded: StoredDataset) -> tuple[JobRequest, str]:
    def find(id_or_name: str) -> StoredDataset | None:
        return next((one for one in uploaded if id_or_name in (one.id, one.name)), None)

    names = [one.name for one in uploaded]
    return understand(JobRequest.model_validate(document), find, names)


def problems(document: dict[str, object], *uploaded: StoredDataset) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        understood(document, *uploaded)
    return dict(refused.value.problems)


@pytest.fixture
def churn(tmp_path: Path) -> StoredDataset:
    """40 customers: two numbers, a text, and whether they left."""
    rows = ["age,balance,town,left"]
    rows += [f"{20 + i},{i * 10.5},Bern,{i % 2}" for i in range(40)]
    path = tmp_path / "churn.csv"
    path.write_text("\n".join(rows))
    info = inspect_file(path, "churn.csv", None, Schema())
    return StoredDataset("0" * 64, "churn", "data.csv", info)


def test_what_is_not_said_is_filled_in() -> None:
    request, dataset_id = understood(JOB)
    assert dataset_id == BUILTIN["digits"].sha256
    assert request.name == "mlp-digits"
    assert request.data.target == "label"
    assert request.space == default_space("mlp").canonical()
    assert request.objective.direction == "maximize"


def test_what_is_understood_is_understood_again_as_itself() -> None:
    first, _ = understood({**JOB, "space": {"dropout": "{{quniform(0, 0.5, 0.1)}}", "layers": 2}})
    second, _ = understood(first.model_dump(mode="json"))
    assert second == first


def test_each_metric_knows_its_direction() -> None:
    request, _ = understood({**JOB, "objective": {"metric": "val_loss"}})
    assert request.objective.direction == "minimize"
    assert problems({**JOB, "objective": {"direction": "minimize"}}) == {
        "/objective/direction": "val_accuracy is there to be maximized: say maximize, or leave "
        "direction out"
    }


@pytest.mark.parametrize("named_by", ["name", "sha256"])
def test_a_built_in_dataset_goes_by_name_or_id(named_by: str) -> None:
    named = getattr(BUILTIN["digits"], named_by)
    request, dataset_id = understood({**JOB, "data": {"dataset": named}})
    assert dataset_id == BUILTIN["digits"].sha256
    assert request.name == "mlp-digits"


@pytest.mark.parametrize("named_by", ["name", "id"])
def test_an_uploaded_dataset_goes_by_name_or_id(churn: StoredDataset, named_by: str) -> None:
    data = {"dataset": getattr(churn, named_by), "target": "left", "drop": ["town"]}
    request, dataset_id = understood({"model": "mlp", "data": data}, churn)
    assert dataset_id == churn.id
    assert request.name == "mlp-churn"


def test_a_table_needs_a_target_and_numbers(churn: StoredDataset) -> None:
    found = problems({"model": "mlp", "data": {"dataset": "churn"}}, churn)
    assert found == {
        "/data/target": "say which column holds the classes; there are age, balance, town, left"
    }
    found = problems({"model": "mlp", "data": {"dataset": "churn", "target": "lefd"}}, churn)
    assert "did you mean 'left'?" in found["/data/target"]
    found = problems({"model": "mlp", "data": {"dataset": "churn", "target": "left"}}, churn)
    assert "'town' holds text where numbers belong" in found["/data/dataset"]


def test_every_part_is_looked_at_though_another_is_wrong() -> None:
    document = {
        "model": "mpl",
        "data": {"dataset": "digit"},
        "space": {"units": {"type": "float", "low": 2, "high": 1}},
        "objective": {"metric": "val_acuracy"},
        "search": {"engine": "hyperopt", "sampler": "anneel"},
        "resources": {"gpus": 1},
    }
    found = problems(document)
    assert set(found) == {
        "/model",
        "/data/dataset",
        "/space/units/low",
        "/objective/metric",
        "/search/sampler",
        "/resources/gpus",
    }
    for pointer, near in {
        "/model": "mlp",
        "/data/dataset": "digits",
        "/objective/metric": "val_accuracy",
        "/search/sampler": "anneal",
    }.items():
        assert f"did you mean '{near}'?" in found[pointer]


def test_a_sampler_of_another_engine_is_unknown() -> None:
    found = problems({**JOB, "search": {"engine": "optuna", "sampler": "anneal"}})
    assert found == {"/search/sampler": "no sampler of optuna 'anneal'; known: random, tpe"}


def test_a_space_that_names_what_the_family_does_not_read_is_refused() -> None:
    found = problems({**JOB, "space": {"unitz_1": 3}})
    assert found["/space/unitz_1"].startswith(
        "no parameter of mlp 'unitz_1'; did you mean 'units_1'"
    )


def test_a_family_gets_no_data_of_a_kind_that_it_does_not_read() -> None:
    found = problems({"model": "recurrent", "data": {"dataset": "digits"}})
    assert found == {"/data/dataset": "the model reads sequence data, this is image"}


def test_validation_and_test_leave_something_to_train_on() -> None:
    data = {"dataset": "digits", "split": {"validation": 0.5, "test": 0.5}}
    assert list(problems({"model": "mlp", "data": data})) == ["/data/split"]


def test_a_space_is_kept_as_any_service_would_understand_it() -> None:
    request, _ = understood({**JOB, "space": {"layers": "{{choice([1, 2])}}"}})
    assert SearchSpace.parse(request.space).canonical() == request.space
