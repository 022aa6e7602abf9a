from collections.abc import Callable

import httpx
import pytest

from kerasearch.service.files import sha256_of, write_text
from kerasearch.service.routes.context import Context
from kerasearch.service.store import retrainings

PostJob = Callable[..., str]
RunTrial = Callable[..., bytes]

PARAMS = {"layers": 1, "units_1": 32, "learning_rate": 0.001}
SPACE = {
    "layers": 1,
    "units_1": {"type": "choice", "values": [32, 64]},
    "activation": "relu",
    "batch_norm": False,
    "input_dropout": 0.0,
    "regularization": "none",
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "batch_size": 32,
}
FIXED = {"layers": 1, "activation": "relu", "batch_norm": False, "dropout": 0.0}
FIXED |= {"optimizer": "adam", "batch_size": 32, "input_dropout": 0.0, "regularization": "none"}


@pytest.fixture
def job_id(post_job: PostJob) -> str:
    return post_job(space=SPACE)


@pytest.fixture
def path(job_id: str) -> str:
    return f"/v1/jobs/{job_id}/retrainings"


def test_a_retraining_of_the_best_is_accepted_with_its_defaults(
    http: httpx.Client, path: str, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.5, {"layers": 1})
    run_trial(job_id, 1, 0.9, PARAMS)
    answer = http.post(path, json={})
    assert answer.status_code == 202
    retraining = answer.json()
    assert answer.headers["location"] == f"/v1/retrainings/{retraining['id']}"
    assert http.get(answer.headers["location"]).json() == retraining
    assert retraining["params"] == PARAMS
    assert retraining["state"] == "running"
    assert retraining["request"] == {
        "trial": "best",
        "params": None,
        "repeats": 10,
        "epochs": 500,
        "patience": 100,
        "seed": 0,
    }
    assert [repeat["seed"] for repeat in retraining["repeats"]] == list(range(10))
    assert retraining["report"] is None
    assert retraining["artifacts"] == []


def test_repeats_are_no_trials_of_the_job(
    http: httpx.Client, path: str, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.5, PARAMS)
    http.post(path, json={"repeats": 3})
    assert len(http.get(f"/v1/jobs/{job_id}/trials").json()["items"]) == 1
    assert http.get(f"/v1/jobs/{job_id}").json()["trials"]["queued"] == 0


def test_a_trial_is_chosen_by_number(
    http: httpx.Client, path: str, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.9)
    run_trial(job_id, 1, 0.5, PARAMS)
    assert http.post(path, json={"trial": 1, "repeats": 1}).json()["params"] == PARAMS


def test_params_of_your_own_need_no_trial(http: httpx.Client, path: str) -> None:
    own = {**FIXED, "units_1": 64, "learning_rate": 0.002}
    answer = http.post(path, json={"params": own, "repeats": 2, "seed": 5})
    assert answer.status_code == 202
    assert answer.json()["params"] == own
    assert [repeat["seed"] for repeat in answer.json()["repeats"]] == [5, 6]


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        ({"trial": 99}, "/trial"),
        ({"trial": "worst"}, "/trial"),
        ({"trial": True}, "/trial"),
        ({"repeats": 0}, "/repeats"),
        ({"repeats": True}, "/repeats"),
        ({"epochs": 1.5}, "/epochs"),
        ({"patience": -1}, "/patience"),
        ({"seed": 2**31}, "/seed"),
        ({"repeat": 3}, "/repeat"),
        ({"params": []}, "/params"),
        (
            {"params": {**FIXED, "units_1": 48, "learning_rate": 0.001}},
            "/params/units_1",
        ),
        ({"params": {**FIXED, "units_1": 64}}, "/params/learning_rate"),
        (
            {"params": {**FIXED, "units_1": 64, "learning_rate": 0.001, "units_2": 64}},
            "/params/units_2",
        ),
    ],
)
def test_what_can_not_be_retrained_is_refused_by_its_place(
    http: httpx.Client,
    path: str,
    job_id: str,
    run_trial: RunTrial,
    request_: dict[str, object],
    pointer: str,
) -> None:
    run_trial(job_id, 0, 0.5, PARAMS)
    refused = http.post(path, json=request_)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


def test_there_is_nothing_to_retrain_before_a_trial_completed(
    http: httpx.Client, path: str
) -> None:
    refused = http.post(path, json={})
    assert refused.status_code == 409
    assert "no best trial yet" in refused.json()["detail"]
    assert "give params of your own" in refused.json()["detail"]


def test_a_cancelled_job_is_not_retrained(
    http: httpx.Client, path: str, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.5, PARAMS)
    http.post(f"/v1/jobs/{job_id}/cancel")
    assert http.post(path, json={}).status_code == 409


def test_a_retraining_of_an_unknown_job_and_an_unknown_retraining_are_nowhere(
    http: httpx.Client,
) -> None:
    assert http.post("/v1/jobs/nothing/retrainings", json={}).status_code == 404
    assert http.get("/v1/retrainings/nothing").status_code == 404
    assert http.get("/v1/retrainings/nothing/artifacts/report.json").status_code == 404


def test_artifacts_are_listed_and_given_and_nothing_else_is(
    http: httpx.Client, context: Context, path: str, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.5, PARAMS)
    retraining_id = http.post(path, json={"repeats": 1}).json()["id"]
    folder = context.settings.retraining_dir(job_id, retraining_id)
    folder.mkdir(parents=True)
    (folder / "class_error.csv").write_text("a,b\n0,1\n")
    (folder / ".123.model_0.keras").write_text("not whole")
    (folder.parent / "secret").write_text("secret")
    retraining = http.get(f"/v1/retrainings/{retraining_id}").json()
    assert retraining["artifacts"] == ["class_error.csv"]
    files = f"/v1/retrainings/{retraining_id}/artifacts"
    given = http.get(f"{files}/class_error.csv")
    assert given.text == "a,b\n0,1\n"
    assert given.headers["content-type"].startswith("text/csv")
    assert http.head(f"{files}/class_error.csv").headers["content-length"] == "8"
    for name in (".123.model_0.keras", "%2e%2e/secret", "..%2fsecret", "%00", "x" * 5000, ""):
        missing = http.get(f"{files}/{name}")
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"


def test_an_artifact_that_was_altered_is_not_given(
    http: httpx.Client, context: Context, path: str, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.5, PARAMS)
    retraining_id = http.post(path, json={"repeats": 1}).json()["id"]
    file = context.settings.retraining_dir(job_id, retraining_id) / "report.json"
    write_text(file, "{}")
    with context.database.write() as tx:
        digests = {"report.json": sha256_of(file)}
        retrainings.end_retraining(tx, retraining_id, "completed", digests=digests)
    url = f"/v1/retrainings/{retraining_id}/artifacts/report.json"
    assert http.get(url).headers["etag"] == f'"{digests["report.json"]}"'
    file.write_text("[]")
    refused = http.get(url)
    assert refused.status_code == 503
    assert "report.json isn't what retraining" in refused.json()["detail"]
