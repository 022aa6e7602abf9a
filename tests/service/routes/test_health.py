from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import pytest
from fastapi import FastAPI

from kerasearch.service.process import beat
from kerasearch.service.routes import health
from kerasearch.service.routes.context import Context

Serving = Callable[[FastAPI], AbstractContextManager[str]]


def test_the_service_lives_before_its_parts_do(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "alive"}
    ready = http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {
        "ready": False,
        "parts": {
            "database": {"state": "ready", "ready": True},
            "scheduler": {"state": "starting", "ready": False},
            "mirror": {"state": "starting", "ready": False},
            "mlflow": {"state": "starting", "ready": False},
        },
    }


def test_the_service_is_ready_when_every_part_is(
    http: httpx.Client, api: tuple[FastAPI, str], context: Context, serving: Serving
) -> None:
    context.settings.run_dir.mkdir()
    for role in ("scheduler", "mirror"):
        beat(context.settings.run_dir, role, "ready")
    mlflow = FastAPI()
    mlflow.get("/mlflow/health")(lambda: "OK")
    with serving(mlflow) as url:
        port = int(url.rpartition(":")[2])
        settings = context.settings.model_copy(update={"mlflow_port": port})
        api[0].state.context = Context(settings, context.database)
        ready = http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["ready"]


def test_a_part_that_shows_no_life_is_not_ready(
    http: httpx.Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.settings.run_dir.mkdir()
    beat(context.settings.run_dir, "scheduler", "ready")
    monkeypatch.setitem(health.SILENT_AFTER_S, "scheduler", -1.0)
    scheduler = http.get("/readyz").json()["parts"]["scheduler"]
    assert not scheduler["ready"]
    assert scheduler["state"].startswith("silent for ")


def test_a_database_without_tables_is_not_ready(http: httpx.Client, context: Context) -> None:
    context.database.close()
    (context.settings.data_dir / "kerasearch.db").unlink()
    database = http.get("/readyz").json()["parts"]["database"]
    assert database == {"state": "no such table: outbox", "ready": False}


def test_the_first_page_leads_on(http: httpx.Client) -> None:
    page = http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for link in ("docs", "v1/jobs", "v1/models", "v1/datasets", "readyz"):
        assert f'href="{link}"' in page.text
        assert http.get(f"/{link}").status_code in (200, 503)
    assert 'href="mlflow/' in page.text


def test_prometheus_reads_how_many_there_are_of_everything(
    http: httpx.Client, post_job: Callable[..., str], run_trial: Callable[..., bytes]
) -> None:
    job_id = post_job()
    run_trial(job_id, 0, 0.5)
    run_trial(job_id, 1, None)
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'kerasearch_jobs{state="queued"} 1.0' in lines
    assert 'kerasearch_trials{state="complete"} 1.0' in lines
    assert 'kerasearch_trials{state="infeasible"} 1.0' in lines
    assert "kerasearch_attempts_total 2.0" in lines
    (outbox,) = [line for line in lines if line.startswith("kerasearch_outbox_events ")]
    assert float(outbox.split()[1]) > 0
