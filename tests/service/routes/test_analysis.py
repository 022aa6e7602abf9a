"""A job's plots, tables and analysis."""

from collections.abc import Callable

import httpx
import pytest

from kerasearch.service.files import write_json
from kerasearch.service.routes.context import Context

PostJob = Callable[..., str]
RunTrial = Callable[..., bytes]


def test_artifacts_are_listed_and_served(
    http: httpx.Client, context: Context, post_job: PostJob
) -> None:
    job_id = post_job()
    assert http.get(f"/v1/jobs/{job_id}/artifacts").json() == {"items": [], "next": None}
    write_json(context.settings.artifacts_dir(job_id) / "importances.json", {"units": 1.0})
    listed = http.get(f"/v1/jobs/{job_id}/artifacts").json()
    assert listed["items"] == ["importances.json"]
    assert http.get(f"/v1/jobs/{job_id}/artifacts/importances.json").json() == {"units": 1.0}


@pytest.mark.parametrize("name", ["none.png", "../../kerasearch.db", "%2e%2e/%2e%2e/kerasearch.db"])
def test_nothing_else_is_served(http: httpx.Client, post_job: PostJob, name: str) -> None:
    assert http.get(f"/v1/jobs/{post_job()}/artifacts/{name}").status_code == 404


def test_the_analysis_says_what_is_known_by_now(
    http: httpx.Client, context: Context, post_job: PostJob, run_trial: RunTrial
) -> None:
    job_id = post_job()
    before = http.get(f"/v1/jobs/{job_id}/analysis").json()
    assert before["importances"] == {}
    assert before["diagnosis"] is None
    run_trial(job_id, 0, 0.5)
    write_json(context.settings.artifacts_dir(job_id) / "importances.json", {"layers": 0.75})
    after = http.get(f"/v1/jobs/{job_id}/analysis").json()
    assert after["importances"] == {"layers": 0.75}
    assert after["warnings"][0].startswith("only 1 trials are complete")


def test_a_model_that_knows_the_largest_class_alone_is_told_so(
    http: httpx.Client, post_job: PostJob, run_trial: RunTrial
) -> None:
    table = "x,left\n" + "".join(f"{i},{'yes' if i % 4 else 'no'}\n" for i in range(80))
    http.post("/v1/datasets", files={"file": ("churn.csv", table.encode())})
    for data, chance in (
        ({"dataset": "churn", "target": "left"}, "0.75"),
        ({"dataset": "breast-cancer"}, "0.6274"),
    ):
        job_id = post_job(data=data)
        run_trial(job_id, 0, 0.5, accuracy=float(chance))
        diagnosis = http.get(f"/v1/jobs/{job_id}/analysis").json()["diagnosis"]
        assert diagnosis["verdict"] == "hardly learned"
        assert f"the largest class alone would give {chance};" in diagnosis["in_words"]


@pytest.mark.parametrize("path", ["artifacts", "artifacts/a", "analysis"])
def test_a_job_that_is_not_there_has_none(http: httpx.Client, path: str) -> None:
    assert http.get(f"/v1/jobs/nobody/{path}").status_code == 404
