import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import pytest
from fastapi import FastAPI

from kerasearch.service.app import create_app
from kerasearch.service.errors import LeaseLost
from kerasearch.service.routes.context import Context

Serving = Callable[[FastAPI], AbstractContextManager[str]]

PROMISED = """
POST /v1/jobs
GET /v1/jobs
GET /v1/jobs/{job_id}
PATCH /v1/jobs/{job_id}
DELETE /v1/jobs/{job_id}
POST /v1/jobs/{job_id}/pause
POST /v1/jobs/{job_id}/resume
POST /v1/jobs/{job_id}/stop
POST /v1/jobs/{job_id}/cancel
POST /v1/jobs/{job_id}/retry
POST /v1/jobs/{job_id}/trials
GET /v1/jobs/{job_id}/trials
GET /v1/jobs/{job_id}/trials/{number}
GET /v1/jobs/{job_id}/events
GET /v1/jobs/{job_id}/best
GET /v1/jobs/{job_id}/best/model
POST /v1/jobs/{job_id}/retrainings
GET /v1/retrainings/{retraining_id}
GET /v1/retrainings/{retraining_id}/artifacts/{name}
POST /v1/datasets
GET /v1/datasets
GET /v1/datasets/{id_or_name}
DELETE /v1/datasets/{id_or_name}
GET /v1/models
GET /v1/models/{name}
POST /v1/spaces
GET /v1/spaces/schema
GET /v1/jobs/{job_id}/analysis
GET /v1/jobs/{job_id}/artifacts
GET /v1/jobs/{job_id}/artifacts/{name}
GET /healthz
GET /readyz
GET /metrics
"""


def test_importing_the_application_imports_nothing_that_trains_samples_or_mirrors() -> None:
    heavy = {"keras", "keras_tuner", "tensorflow", "optuna", "hyperopt", "mlflow", "sklearn"}
    heavy |= {"pandas", "matplotlib"}
    code = f"import sys, kerasearch.service.app; print(*{heavy!r} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_every_call_that_is_promised_is_documented_and_no_other(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    documented = {f"{method.upper()} {path}" for path in paths for method in paths[path]}
    assert documented == set(PROMISED.strip().splitlines())


def test_the_openapi_document_refers_to_nothing_that_it_lacks(http: httpx.Client) -> None:
    answer = http.get("/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert {path.rpartition("/")[2] for path in re.findall('"(#/[^"]+)"', answer.text)} <= set(
        document["components"]["schemas"]
    )


def test_every_call_documents_how_it_refuses(http: httpx.Client) -> None:
    for calls in http.get("/openapi.json").json()["paths"].values():
        for call in calls.values():
            assert list(call["responses"]["default"]["content"]) == ["application/problem+json"]
            assert "422" not in call["responses"]


def test_the_page_of_documentation_is_there(http: httpx.Client) -> None:
    assert "/openapi.json" in http.get("/docs").raise_for_status().text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/v2/jobs", 404), ("PUT", "/v1/jobs", 405)],
)
def test_a_call_that_there_is_not_is_refused_with_a_way_on(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    refused = http.request(method, path)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert path in refused.json()["detail"]
    assert "/docs" in refused.json()["detail"]


def failing(context: Context, error: Exception) -> FastAPI:
    app = create_app(context.settings, context.database)

    @app.get("/failing")
    def _() -> None:
        raise error

    return app


@pytest.mark.parametrize("error", [RuntimeError("the secret"), LeaseLost("the secret")])
def test_a_failure_of_the_service_is_a_problem_document_and_stays_inside(
    context: Context, error: Exception, serving: Serving
) -> None:
    with serving(failing(context, error)) as url:
        failed = httpx.get(f"{url}/failing", trust_env=False)
    assert failed.status_code == 500
    assert failed.headers["content-type"] == "application/problem+json"
    assert "secret" not in failed.text
