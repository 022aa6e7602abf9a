from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
from fastapi import FastAPI

from kerasearch.service.app import create_app
from kerasearch.service.routes.context import Context

Serving = Callable[[FastAPI], AbstractContextManager[str]]
JSON = {"Content-Type": "application/json"}


def mebibytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 2**20


@pytest.mark.parametrize("body", [b" " * 5 * 2**20, mebibytes(5)], ids=["of a length", "chunked"])
def test_json_over_its_limit_is_refused_with_the_limit(
    http: httpx.Client, body: bytes | Iterator[bytes]
) -> None:
    refused = http.post("/v1/jobs", content=body, headers=JSON)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"] == "a body that is sent to /v1/jobs has at most 1 MiB"


def test_a_file_may_be_larger_than_json_up_to_the_setting(
    context: Context, serving: Serving
) -> None:
    settings = context.settings.model_copy(update={"upload_limit_mib": 3})
    with serving(create_app(settings, context.database)) as url:
        address = f"{url}/v1/datasets"
        rows = b"x,y\n" + (b"1".rjust(100) + b",a\n" + b"2".rjust(100) + b",b\n") * 7_000
        kept = httpx.post(address, files={"file": ("kept.csv", rows)}, trust_env=False)
        refused = httpx.post(address, files={"file": ("no.csv", rows * 4)}, trust_env=False)
    assert kept.status_code == 201
    assert refused.status_code == 413
    assert refused.json()["detail"] == "a body that is sent to /v1/datasets has at most 3 MiB"
    assert [folder.name for folder in settings.data_dir.glob(".upload-*")] == []


def test_what_is_sent_to_mlflow_has_no_limit(http: httpx.Client) -> None:
    sent = http.put("/mlflow/api/2.0/mlflow-artifacts/artifacts/x", content=b" " * 2**21)
    assert sent.status_code == 503  # MLflow isn't up here
