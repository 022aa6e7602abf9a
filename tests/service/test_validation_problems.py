import json

import pytest
from pydantic import BaseModel, ValidationError

from kerasearch.models.datasets import Schema
from kerasearch.service.jobs import JobRequest
from kerasearch.service.trials import RetrainingRequest
from kerasearch.service.validation_problems import problems_of

JOB = {"model": "mlp", "data": {"dataset": "digits"}}


def problems(model: type[BaseModel], document: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(document)
    return dict(problems_of(refused.value.errors(), model))


@pytest.mark.parametrize(
    ("part", "pointer", "detail"),
    [
        ({"model": None}, "/model", "must be a text, not null"),
        ({"model": ""}, "/model", "must be a text of at least 1 character, not ''"),
        ({"data": "digits"}, "/data", "must be a mapping of names to values, not 'digits'"),
        ({"data": {}}, "/data/dataset", "must be given"),
        ({"space": [1]}, "/space", "must be a mapping of names to values, not a list"),
        ({"budget": {"trials": True}}, "/budget/trials", "must be a whole number, not true"),
        ({"budget": {"trials": "20"}}, "/budget/trials", "must be a whole number, not '20'"),
        ({"budget": {"trials": 0}}, "/budget/trials", "must be at least 1, not 0"),
        (
            {"search": {"seed": 10**400}},
            "/search/seed",
            "must be at most 2147483647, not an integer of 1329 bits",
        ),
        (
            {"budget": {"time_s": float("inf")}},
            "/budget/time_s",
            "must be a finite number, not inf",
        ),
        ({"objective": []}, "/objective", "must be a list of at least 1, not of 0"),
        ({"budget": {"target": False}}, "/budget/target", "must be a number, not false"),
        (
            {"data": {"dataset": "digits", "split": {"stratify": 1}}},
            "/data/split/stratify",
            "must be true or false, not 1",
        ),
        (
            {"training": {"class_weight": {"rare": 0}}},
            "/training/class_weight/rare",
            "must be above 0.0, not 0",
        ),
        (
            {"training": {"class_weight": "balance"}},
            "/training/class_weight",
            "no class_weight 'balance'; did you mean 'balanced'? known: balanced",
        ),
        (
            {"training": {"class_weight": [4]}},
            "/training/class_weight",
            "must be 'balanced', not a list",
        ),
        (
            {"search": {"engine": "hyper"}},
            "/search/engine",
            "no engine 'hyper'; did you mean 'hyperopt'? known: hyperopt, optuna",
        ),
    ],
)
def test_a_wrong_value_is_told_by_its_place_and_what_it_must_be(
    part: dict[str, object], pointer: str, detail: str
) -> None:
    assert problems(JobRequest, {**JOB, **part}) == {pointer: detail}


@pytest.mark.parametrize(
    ("part", "pointer", "near"),
    [
        ({"budgets": {}}, "/budgets", "budget"),
        ({"data": {"dataset": "digits", "tarjet": "x"}}, "/data/tarjet", "target"),
        (
            {"data": {"dataset": "digits", "split": {"validaton": 0.1}}},
            "/data/split/validaton",
            "validation",
        ),
        ({"objective": {"metrik": "x"}}, "/objective/metrik", "metric"),
        ({"search": {"sampller": "tpe"}}, "/search/sampller", "sampler"),
        ({"budget": {"trails": 3}}, "/budget/trails", "trials"),
        ({"training": {"early_stoping": None}}, "/training/early_stoping", "early_stopping"),
        (
            {"training": {"early_stopping": {"patiense": 3}}},
            "/training/early_stopping/patiense",
            "patience",
        ),
        ({"resources": {"paralel": 2}}, "/resources/paralel", "parallel"),
    ],
)
def test_an_unknown_field_at_any_depth_is_told_with_the_nearest_one(
    part: dict[str, object], pointer: str, near: str
) -> None:
    (found,) = problems(JobRequest, {**JOB, **part}).items()
    assert found[0] == pointer
    assert f"did you mean '{near}'?" in found[1]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", " a", "a ", "\t"])
def test_a_name_is_printable(name: str) -> None:
    (detail,) = problems(JobRequest, {**JOB, "name": name}).values()
    assert detail == f"a name is printable and has no blanks around it, not {name!r}"


@pytest.mark.parametrize("trial", [-1, True, 1.0, "worst", None, [1], 2**31])
def test_a_retraining_is_of_a_number_or_of_the_best(trial: object) -> None:
    (detail,) = problems(RetrainingRequest, {"trial": trial}).values()
    assert detail.startswith("must be a trial's number or 'best', not ")


def test_a_retraining_s_params_are_plain_values() -> None:
    found = problems(RetrainingRequest, {"params": {"units": [1, 2], "dropout": float("nan")}})
    assert set(found) == {"/params/units", "/params/dropout"}
    assert "not a list" in found["/params/units"]


def test_a_text_that_is_no_json_says_so() -> None:
    with pytest.raises(ValidationError) as refused:
        Schema.model_validate_json("target: y")
    (problem,) = problems_of(refused.value.errors(), Schema)
    assert problem.pointer == ""
    assert problem.detail.startswith("must be JSON: ")


def test_the_schema_of_a_field_may_be_an_alternative_to_null() -> None:
    document = {**JOB, "training": {"early_stopping": None}}
    assert (
        JobRequest.model_validate(json.loads(json.dumps(document))).training.early_stopping is None
    )
