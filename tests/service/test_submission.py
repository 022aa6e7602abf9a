from pathlib import Path

import pytest

from kerasearch.models.datasets import BUILTIN, Schema, inspect_file
from kerasearch.searchspaces import SearchSpace, default_space
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service import submission
from kerasearch.service.devices import GPU
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.submission import own_params, understand

JOB = {"model": "mlp", "data": {"dataset": "digits"}}
FIXED = {
    "activation": "relu",
    "batch_norm": False,
    "input_dropout": 0.0,
    "regularization": "none",
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 32,
}


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
    rows += [f"{20 + i},{i * 10.5},{('Bern', 'Thun')[i % 3 > 0]},{i % 2}" for i in range(40)]
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


def test_constraints_are_of_the_space_as_understood() -> None:
    document = {**JOB, "space": {"units_1": 64}, "constraints": ["layers * units_1 <= 128"]}
    request, _ = understood(document)
    assert request.constraints == ("layers * units_1 <= 128",)
    document["constraints"] = ["layers > 0", "layer < 3", "units_1 > 64"]
    assert "did you mean 'layers'?" in problems(document)["/constraints/1"]
    document["constraints"] = ["layers > 0", "units_1 > 64"]
    assert "none keeps" in problems(document)["/constraints/1"]


def test_params_of_ones_own_keep_the_constraints() -> None:
    units = "{{choice([64, 128])}}"
    space = {"layers": "{{choice([1, 2])}}", "units_1": units, "units_2": 64, **FIXED}
    request, _ = understood({**JOB, "space": space, "constraints": ["layers * units_1 < 256"]})
    params = {"layers": 1, "units_1": 128, **FIXED}
    assert own_params(params, request) == params
    assert own_params({"layers": 1, "units_1": 128}, request) == params  # the rest is fixed
    with pytest.raises(InvalidInput) as refused:
        own_params({**params, "layers": 2, "units_2": 64}, request)
    assert refused.value.problems == (
        ("/params", "layers * units_1 < 256 must hold, and layers is 2, units_1 is 128"),
    )


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


def test_a_table_needs_a_target(churn: StoredDataset) -> None:
    found = problems({"model": "mlp", "data": {"dataset": "churn"}}, churn)
    assert found == {
        "/data/target": "say which column is to be predicted; there are age, balance, town, left"
    }
    found = problems({"model": "mlp", "data": {"dataset": "churn", "target": "lefd"}}, churn)
    assert "did you mean 'left'?" in found["/data/target"]


@pytest.mark.parametrize(
    ("target", "asked", "task", "metric"),
    [
        ("left", None, "classification", "val_accuracy"),
        ("town", None, "classification", "val_accuracy"),
        ("balance", None, "regression", "val_rmse"),
        ("age", None, "classification", "val_accuracy"),
        ("age", "regression", "regression", "val_rmse"),
    ],
)
def test_the_task_and_what_is_optimized_follow_from_the_target_unless_said(
    churn: StoredDataset, target: str, asked: str | None, task: str, metric: str
) -> None:
    split = {"stratify": False}
    data = {"dataset": "churn", "target": target, "task": asked, "split": split}
    request, _ = understood({"model": "mlp", "data": data}, churn)
    assert (request.data.task, request.objectives[0].metric) == (task, metric)
    again, _ = understood(request.model_dump(mode="json"), churn)
    assert again == request


def test_a_wrong_pairing_of_model_task_and_target_is_refused(churn: StoredDataset) -> None:
    data = {"dataset": "churn", "target": "town"}
    found = problems({"model": "mlp", "data": {**data, "task": "regression"}}, churn)
    assert found["/data/task"] == "this target is for classification, not for regression"
    found = problems({"model": "mlp", "data": {**data, "task": "mapping"}}, churn)
    assert found["/data/task"].startswith("the model is trained for classification or regression")
    found = problems({"model": "cnn", "data": {"dataset": "churn", "target": "balance"}}, churn)
    assert found["/data/dataset"].endswith("this is tabular")


def test_each_task_has_its_own_metrics(churn: StoredDataset) -> None:
    job = {"model": "mlp", "data": {"dataset": "churn", "target": "balance"}}
    found = problems({**job, "objective": {"metric": "val_accuracy"}}, churn)
    assert "known: latency_ms" in found["/objective/metric"]
    stopping = {"early_stopping": {"monitor": "val_r2"}}
    request, _ = understood({**job, "training": stopping}, churn)
    assert request.training.early_stopping.monitor == "val_r2"
    stopping = {"early_stopping": {"monitor": "val_accuracy"}}
    found = problems({**job, "training": stopping}, churn)
    assert found["/training/early_stopping/monitor"].startswith("no metric 'val_accuracy'")


TOWNS = {"model": "mlp", "data": {"dataset": "churn", "target": "town"}}


@pytest.mark.parametrize("weights", ["balanced", {"Bern": 1, "Thun": 4.5}, {"Thun": 2}])
def test_classes_are_weighed_by_balance_or_by_name(
    churn: StoredDataset, weights: str | dict[str, float]
) -> None:
    job = {**TOWNS, "training": {"class_weight": weights}}
    assert understood(job, churn)[0].training.class_weight == weights


def test_a_weight_of_no_class_is_refused_with_the_classes(churn: StoredDataset) -> None:
    found = problems({**TOWNS, "training": {"class_weight": {"Thon": 2}}}, churn)
    detail = "no class 'Thon'; did you mean 'Thun'? known: Bern, Thun"
    assert found == {"/training/class_weight/Thon": detail}


def test_only_classes_are_weighed(churn: StoredDataset) -> None:
    data = {"dataset": "churn", "target": "balance"}
    job = {"model": "mlp", "data": data, "training": {"class_weight": "balanced"}}
    found = problems(job, churn)
    assert found["/training/class_weight"].endswith("here is none: leave it out")
    job["training"]["early_stopping"] = {"monitor": "val_accuracy"}
    assert problems(job, churn).keys() == {
        "/training/class_weight",
        "/training/early_stopping/monitor",
    }


@pytest.mark.parametrize(("target", "known"), [("left", True), ("town", False)])
def test_metrics_of_two_classes_are_there_for_two_classes(
    tmp_path: Path, target: str, known: bool
) -> None:
    path = tmp_path / "towns.csv"
    path.write_text("age,town,left\n" + "".join(f"{i},t{i % 3},{i % 2}\n" for i in range(60)))
    towns = StoredDataset("1" * 64, "towns", "d.csv", inspect_file(path, "t.csv", None, Schema()))
    job = {"model": "mlp", "data": {"dataset": "towns", "target": target}}
    document = {**job, "objective": {"metric": "val_auc"}}
    if known:
        assert understood(document, towns)[0].objectives[0].direction == "maximize"
    else:
        assert "/objective/metric" in problems(document, towns)


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
    assert found == {
        "/search/sampler": "no sampler of optuna 'anneal'; known: auto, brute_force, cmaes, gp, "
        "grid, nsgaii, qmc, random, tpe"
    }


def test_a_space_that_names_what_the_family_does_not_read_is_refused() -> None:
    found = problems({**JOB, "space": {"unitz_1": 3}})
    assert found["/space/unitz_1"].startswith(
        "no parameter of mlp 'unitz_1'; did you mean 'units_1'"
    )


def test_a_family_gets_no_data_of_a_kind_that_it_does_not_read() -> None:
    found = problems({"model": "recurrent", "data": {"dataset": "digits"}})
    assert found["/data/dataset"].endswith("data, this is image")


@pytest.mark.parametrize("family", ["som", "collaborative_autoencoder", "mlp"])
def test_of_a_wrong_pairing_nothing_else_is_told(family: str) -> None:
    training = {"early_stopping": {"patience": 3}}
    document = {"model": family, "data": {"dataset": "binary-addition"}, "training": training}
    assert list(problems(document)) == ["/data/dataset"]


def test_validation_and_test_leave_something_to_train_on() -> None:
    data = {"dataset": "digits", "split": {"validation": 0.5, "test": 0.5}}
    assert list(problems({"model": "mlp", "data": data})) == ["/data/split"]


def test_a_space_is_kept_as_any_service_would_understand_it() -> None:
    request, _ = understood({**JOB, "space": {"layers": "{{choice([1, 2])}}"}})
    assert SearchSpace.parse(request.space).canonical() == request.space


def test_folds_that_a_class_has_too_few_rows_for_are_refused() -> None:
    data = {"dataset": "digits", "split": {"folds": 100, "test": 0.5}}
    request = JobRequest.model_validate({"model": "mlp", "data": data})
    with pytest.raises(InvalidInput) as refused:
        understand(request, lambda _: None, [])
    (problem,) = refused.value.problems
    assert problem.pointer == "/data/split/folds"
    assert "for 100 folds: ask for fewer" in problem.detail


@pytest.mark.parametrize(
    ("asked", "gpus", "given"),
    [({}, 2, 1.0), ({}, 0, 0.0), ({"gpus": 0.25}, 1, 0.25), ({"gpus": 0}, 1, 0.0)],
)
def test_a_trial_gets_a_gpu_where_there_is_one_and_what_it_asks_for(
    asked: dict[str, float], gpus: int, given: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tuple(GPU(i, f"GPU-{i}", "Fast", 16_000) for i in range(gpus))
    monkeypatch.setattr(submission, "usable_gpus", lambda: found)
    assert understood({**JOB, "resources": asked})[0].resources.gpus == given


@pytest.mark.parametrize(("gpus", "asked"), [(0, 1), (2, 2)])
def test_gpus_that_no_trial_can_have_are_refused(
    gpus: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tuple(GPU(i, f"GPU-{i}", "Fast", 16_000) for i in range(gpus))
    monkeypatch.setattr(submission, "usable_gpus", lambda: found)
    assert set(problems({**JOB, "resources": {"gpus": asked}})) == {"/resources/gpus"}
