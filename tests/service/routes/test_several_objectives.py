"""Jobs of several objectives, and what a search knows from the start, over HTTP."""

import hashlib

import httpx
import pytest

from kerasearch.service.routes.context import Context
from kerasearch.service.store import leases
from kerasearch.service.testing import QUICK, place
from kerasearch.service.trials import TrialState

TWO = [{"metric": "val_accuracy"}, {"metric": "latency_ms", "direction": "minimize"}]
MODEL = b"model" * 100


@pytest.fixture
def job_id(http: httpx.Client, context: Context) -> str:
    """Of two objectives; trials 0 and 2 are the best."""
    document = {"model": "mlp", "data": {"dataset": "digits"}, "objective": TWO}
    job_id: str = http.post("/v1/jobs", json=document).json()["id"]
    for number, (accuracy, latency) in enumerate([(0.9, 8.0), (0.8, 9.0), (0.7, 2.0)]):
        folder = context.settings.attempt_dir(job_id, number, 1)
        folder.mkdir(parents=True)
        (folder / "model.keras").write_bytes(MODEL)
        lease = place(context.database, job_id, {"layers": number}, number)
        with context.database.write() as tx:
            outcome = leases.Outcome(
                TrialState.COMPLETE,
                value=accuracy,
                best_epoch=1,
                metrics={"val_accuracy": accuracy, "latency_ms": latency},
                model_sha256=hashlib.sha256(MODEL).hexdigest(),
            )
            leases.finish(tx, lease, outcome)
    return job_id


def test_a_job_of_two_objectives_shows_them_and_its_pareto_set(
    http: httpx.Client, job_id: str
) -> None:
    job = http.get(f"/v1/jobs/{job_id}").json()
    assert job["request"]["objective"] == [
        {"metric": "val_accuracy", "direction": "maximize"},
        {"metric": "latency_ms", "direction": "minimize"},
    ]
    assert (job["best"], job["pareto"]) == (None, [0, 2])
    items = http.get(f"/v1/jobs/{job_id}/best").json()["items"]
    assert [(best["number"], best["metrics"]["latency_ms"]) for best in items] == [
        (0, 8.0),
        (2, 2.0),
    ]


def test_a_list_of_one_objective_is_that_objective(http: httpx.Client) -> None:
    document = {"model": "mlp", "data": {"dataset": "digits"}, "objective": TWO[:1]}
    shown = http.post("/v1/jobs", json=document).json()["request"]["objective"]
    assert shown == {"metric": "val_accuracy", "direction": "maximize"}


def test_a_model_of_the_set_is_downloaded_by_its_number(http: httpx.Client, job_id: str) -> None:
    path = f"/v1/jobs/{job_id}/best/model"
    answer = http.get(path)
    assert answer.status_code == 409
    assert "name one of 0, 2 as ?trial=N" in answer.json()["detail"]
    assert http.get(path, params={"trial": 2}).content == MODEL
    assert http.get(path, params={"trial": 1}).status_code == 404


def test_a_retraining_names_a_trial_of_the_set(http: httpx.Client, job_id: str) -> None:
    path = f"/v1/jobs/{job_id}/retrainings"
    answer = http.post(path, json={"repeats": 1})
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["pointer"] == "/trial"
    assert problem["detail"].endswith("name one of 0, 2")
    chosen = http.post(path, json={"repeats": 1, "trial": 2})
    assert (chosen.status_code, chosen.json()["params"]) == (202, {"layers": 2})


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"objective": [{"metric": "val_accuracy"}, {"metric": "speed"}]}, "/objective/1/metric"),
        ({"objective": [{"metrik": "val_accuracy"}]}, "/objective/0/metrik"),
        ({"objective": []}, "/objective"),
        ({"objective": "val_loss"}, "/objective"),
        ({"objective": TWO, "budget": {"target": 0.9}}, "/budget/target"),
        ({"objective": TWO, "search": {"sampler": "cmaes"}}, "/search/sampler"),
        ({"search": {"sampler": "qmc", "options": {"seed": 1}}}, "/search/options/seed"),
        ({"search": {"start_from": [{"layers": 99}]}}, "/search/start_from/0/layers"),
        ({"search": {"warm_start": ["nowhere"]}}, "/search/warm_start/0"),
    ],
)
def test_what_cannot_be_meant_is_named_at_its_place(
    http: httpx.Client, parts: dict[str, object], pointer: str
) -> None:
    document = {"model": "mlp", "data": {"dataset": "digits"}, **parts}
    answer = http.post("/v1/jobs", json=document)
    assert answer.status_code == 422
    assert pointer in [problem["pointer"] for problem in answer.json()["errors"]]


def test_first_params_are_kept_as_the_space_gives_them(http: httpx.Client) -> None:
    space = {**QUICK, "units_1": {"type": "choice", "values": [16, 32]}}
    document = {
        "model": "mlp",
        "data": {"dataset": "digits"},
        "space": space,
        "search": {"start_from": [{**QUICK, "units_1": 32.0}]},
    }
    answer = http.post("/v1/jobs", json=document)
    assert answer.status_code == 202, answer.text
    assert answer.json()["request"]["search"]["start_from"] == [{**QUICK, "units_1": 32}]
    assert answer.json()["sampler"] == {
        "name": "brute_force",
        "why": "all 2 configurations fit in the budget of 20 trials",
    }
