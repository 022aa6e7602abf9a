import hashlib
from collections.abc import Callable
from email.utils import formatdate

import httpx
import pytest

from kerasearch.service.routes.context import Context

PostJob = Callable[..., str]
RunTrial = Callable[..., bytes]


@pytest.fixture
def job_id(post_job: PostJob) -> str:
    return post_job()


def test_a_trial_tells_its_params_values_and_attempts(
    http: httpx.Client, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, 0.8, {"layers": 2, "activation": "relu", "batch_norm": False}, epochs=4)
    trial = http.get(f"/v1/jobs/{job_id}/trials/0").json()
    assert trial["state"] == "complete"
    assert trial["params"] == {"layers": 2, "activation": "relu", "batch_norm": False}
    assert trial["value"] == 0.8
    assert trial["values"] == [0.2, 0.4, 0.6000000000000001, 0.8]
    assert trial["best_epoch"] == 4
    assert trial["seed"] == 7
    assert trial["device"] == "cpu"
    assert trial["duration_s"] >= 0
    (attempt,) = trial["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, "complete")


def test_a_configuration_that_failed_tells_why(
    http: httpx.Client, job_id: str, run_trial: RunTrial
) -> None:
    run_trial(job_id, 0, None)
    trial = http.get(f"/v1/jobs/{job_id}/trials/0").json()
    assert (trial["state"], trial["reason"]) == ("infeasible", "the loss is NaN")
    assert trial["value"] is None


def test_trials_are_listed_by_number_in_pages(
    http: httpx.Client, job_id: str, run_trial: RunTrial
) -> None:
    for number in range(5):
        run_trial(job_id, number, None if number == 2 else 0.5)
    path = f"/v1/jobs/{job_id}/trials"
    pages: list[list[int]] = []
    query: dict[str, str | int] = {"limit": 2}
    while not pages or query.get("cursor"):
        page = http.get(path, params=query).json()
        pages.append([trial["number"] for trial in page["items"]])
        query["cursor"] = page["next"]
    assert pages == [[0, 1], [2, 3], [4]]
    infeasible = http.get(path, params={"state": "infeasible"}).json()
    assert [trial["number"] for trial in infeasible["items"]] == [2]
    assert infeasible["next"] is None


def test_trials_of_other_jobs_are_not_listed(
    http: httpx.Client, post_job: PostJob, run_trial: RunTrial
) -> None:
    mine, other = post_job(), post_job()
    run_trial(other, 0)
    assert http.get(f"/v1/jobs/{mine}/trials").json() == {"items": [], "next": None}
    assert http.get(f"/v1/jobs/{mine}/trials/0").status_code == 404


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "9" * 30])
def test_a_trial_s_number_is_a_whole_number(http: httpx.Client, job_id: str, number: str) -> None:
    refused = http.get(f"/v1/jobs/{job_id}/trials/{number}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/number"


def test_an_unknown_trial_or_state_is_refused(http: httpx.Client, job_id: str) -> None:
    assert (
        http.get(f"/v1/jobs/{job_id}/trials/0").json()["detail"] == f"job {job_id} has no trial 0"
    )
    refused = http.get(f"/v1/jobs/{job_id}/trials", params={"state": "completed"})
    assert "did you mean 'complete'?" in refused.json()["detail"]


def test_the_best_trial_is_the_one_of_the_best_value(
    http: httpx.Client, job_id: str, run_trial: RunTrial
) -> None:
    assert http.get(f"/v1/jobs/{job_id}/best").status_code == 404
    for number, value in enumerate([0.5, 0.9, None, 0.7]):
        model = run_trial(job_id, number, value)
        if number == 1:
            best_model = model
    best = http.get(f"/v1/jobs/{job_id}/best").json()
    assert best["number"] == 1
    assert best["value"] == 0.9
    assert best["params"] == {"layers": 1}
    assert best["metrics"] == {"val_accuracy": 0.9}
    assert best["model_sha256"] == hashlib.sha256(best_model).hexdigest()


# The best model


@pytest.fixture
def path(job_id: str) -> str:
    return f"/v1/jobs/{job_id}/best/model"


@pytest.fixture
def model(job_id: str, run_trial: RunTrial) -> bytes:
    return run_trial(job_id, 0)


def test_the_best_model_comes_with_its_digest_and_name(
    http: httpx.Client, path: str, model: bytes
) -> None:
    answer = http.get(path)
    assert answer.content == model
    assert answer.headers["etag"] == f'"{hashlib.sha256(model).hexdigest()}"'
    assert answer.headers["content-disposition"].endswith('filename="mlp-digits-trial-0.keras"')
    assert answer.headers["accept-ranges"] == "bytes"


def test_the_head_of_the_best_model_is_its_answer_without_the_content(
    http: httpx.Client, path: str, model: bytes
) -> None:
    head, whole = http.head(path), http.get(path)
    assert head.content == b""
    assert head.headers["content-length"] == str(len(model))
    assert head.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize(
    ("asked", "part"),
    [("0-9", slice(0, 10)), ("100-", slice(100, None)), ("-5", slice(-5, None))],
)
def test_a_part_of_the_best_model_is_given(
    http: httpx.Client, path: str, model: bytes, asked: str, part: slice
) -> None:
    answer = http.get(path, headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.content == model[part]
    assert answer.headers["content-range"].endswith(f"/{len(model)}")


def test_a_download_goes_on_only_in_the_same_file(
    http: httpx.Client, path: str, model: bytes
) -> None:
    etag = http.head(path).headers["etag"]
    same = http.get(path, headers={"Range": "bytes=10-", "If-Range": etag})
    assert (same.status_code, same.content) == (206, model[10:])
    for other in ('"0123"', f"W/{etag}", formatdate(0, usegmt=True)):
        changed = http.get(path, headers={"Range": "bytes=10-", "If-Range": other})
        assert (changed.status_code, changed.content) == (200, model)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("held", ["{etag}", "W/{etag}", '"0123", {etag}', "*"])
def test_what_the_client_has_is_not_sent_again(http: httpx.Client, path: str, held: str) -> None:
    etag = http.head(path).headers["etag"]
    for ask in (http.get, http.head):
        answer = ask(path, headers={"If-None-Match": held.format(etag=etag), "Range": "bytes=1-"})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert http.get(path, headers={"If-None-Match": '"0123"'}).status_code == 200


def test_a_part_beyond_the_end_is_refused_with_the_size(
    http: httpx.Client, path: str, model: bytes
) -> None:
    refused = http.get(path, headers={"Range": "bytes=100000-"})
    assert refused.status_code == 416
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["content-range"] == f"bytes */{len(model)}"
    assert str(len(model)) in refused.json()["detail"]


@pytest.mark.parametrize("asked", ["rows=1-2", "bytes=", "bytes", "bytes=x-y"])
def test_a_range_that_is_not_understood_is_ignored(
    http: httpx.Client, path: str, model: bytes, asked: str
) -> None:
    answer = http.get(path, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, model)


def test_there_is_no_model_before_a_trial_completed(http: httpx.Client, path: str) -> None:
    missing = http.get(path)
    assert missing.status_code == 404
    assert "no trial of it has completed" in missing.json()["detail"]


def test_a_model_file_that_is_gone_is_no_failure(
    http: httpx.Client, context: Context, job_id: str, path: str, model: bytes
) -> None:
    (context.settings.attempt_dir(job_id, 0, 1) / "model.keras").unlink()
    missing = http.get(path)
    assert missing.status_code == 503
    assert missing.headers["content-type"] == "application/problem+json"
    assert int(missing.headers["retry-after"]) > 0


def test_the_file_of_a_job_with_any_name_has_a_name(
    http: httpx.Client, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job(name='Größe "x"/../; 研究')
    run_trial(job_id, 0)
    disposition = http.head(f"/v1/jobs/{job_id}/best/model").headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe")


OWN = {
    "layers": 1,
    "units_1": 16,
    "activation": "relu",
    "batch_norm": False,
    "input_dropout": 0.0,
    "regularization": "none",
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 128,
}


def test_params_of_ones_own_become_the_next_trial_once(
    http: httpx.Client, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job()
    run_trial(job_id, 0)
    first = http.post(f"/v1/jobs/{job_id}/trials", json={"params": OWN})
    assert first.status_code == 202
    assert first.headers["location"] == f"/v1/jobs/{job_id}/trials/1"
    trial = first.json()
    assert (trial["number"], trial["state"], trial["params"]) == (1, "queued", OWN)
    again = http.post(f"/v1/jobs/{job_id}/trials", json={"params": OWN})
    assert (again.status_code, again.json()) == (200, trial)


def test_params_outside_the_space_are_refused(http: httpx.Client, post_job: PostJob) -> None:
    job_id = post_job()
    wrong = {**OWN, "dropout": 7.0, "colour": "red"}
    refused = http.post(f"/v1/jobs/{job_id}/trials", json={"params": wrong})
    assert refused.status_code == 422
    pointers = {error["pointer"] for error in refused.json()["errors"]}
    assert pointers == {"/params/dropout", "/params/colour"}


def test_a_cancelled_job_takes_no_trials(http: httpx.Client, post_job: PostJob) -> None:
    job_id = post_job()
    http.post(f"/v1/jobs/{job_id}/cancel")
    refused = http.post(f"/v1/jobs/{job_id}/trials", json={"params": OWN})
    assert refused.status_code == 409
    assert "is cancelled and can't be given trials" in refused.json()["detail"]
