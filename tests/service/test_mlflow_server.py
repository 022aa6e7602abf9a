import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from mlflow import MlflowClient

from kerasearch.service import mlflow_server
from kerasearch.service.ports import free_port

SUPERVISOR = """
import functools, os, pathlib, subprocess, sys, time
from kerasearch.service import mlflow_server
from kerasearch.service.process import die_with_parent
child = subprocess.Popen(
    mlflow_server.command(int(sys.argv[2])),
    env=mlflow_server.environment(pathlib.Path(sys.argv[1])),
    preexec_fn=functools.partial(die_with_parent, os.getpid()),
)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_it_is_one_process_of_moderate_size(
    mlflow_process: psutil.Process, mlflow_url: str
) -> None:
    httpx.get(f"{mlflow_url}/mlflow/ajax-api/2.0/mlflow/experiments/search?max_results=9")
    assert mlflow_process.children() == []
    assert mlflow_process.memory_info().rss < 400 * 2**20


def test_it_dies_with_its_supervisor_however_that_went(tmp_path: Path) -> None:
    port = free_port()
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path), str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    child = psutil.Process(int(supervisor.stdout.readline()))
    deadline = time.monotonic() + 120
    while not _answers(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    supervisor.kill()
    supervisor.communicate()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running()
    assert not _answers(port)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/mlflow/health").is_success
    except httpx.TransportError:
        return False


def test_mlflow_settings_of_the_environment_stay_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.example")
    monkeypatch.setenv("_MLFLOW_SERVER_REGISTRY_STORE", "sqlite:///elsewhere.db")
    environment = mlflow_server.environment(tmp_path)
    assert environment["PATH"] == os.environ["PATH"]
    assert not {"MLFLOW_TRACKING_URI", "_MLFLOW_SERVER_REGISTRY_STORE"} & set(environment)


@pytest.mark.parametrize(
    "path",
    [
        "/mlflow/ajax-api/3.0/mlflow/assistant/config",
        "/mlflow/ajax-api/3.0/mlflow/assistant",
        "/mlflow/ajax-api/3.0/mlflow/%61ssistant/config",
        "/mlflow//ajax-api//3.0/mlflow/assistant/config",
        "//mlflow/ajax-api/3.0/mlflow%2Fassistant/config",
        "/mlflow/ajax-api/3.0/mlflow/gateway/supported-providers",
        "/mlflow/api/3.0/mlflow/gateway/secrets/list",
        "/mlflow/gateway/mlflow/v1/models",
        "/mlflow/ajax-api/3.0/jobs/1",
        "/mlflow/ajax-api/3.0/mlflow/jobs/1",
        "/mlflow/api/3.0/mlflow/prompt-optimization/jobs/1",
        "/mlflow/api/2.0/mlflow/webhooks",
        "/mlflow/ajax-api/3.0/mlflow/scorer/invoke",
    ],
)
def test_parts_that_run_jobs_or_call_other_machines_are_closed(mlflow_url: str, path: str) -> None:
    for method in ("GET", "POST"):
        assert httpx.request(method, mlflow_url + path).status_code == 403


def test_an_artifact_may_be_named_as_a_closed_part_is(mlflow_url: str, tmp_path: Path) -> None:
    client = MlflowClient(f"{mlflow_url}/mlflow")
    run = client.create_run("0")
    client.log_dict(run.info.run_id, {"a": 1}, "gateway/jobs/assistant.json")
    found = client.download_artifacts(run.info.run_id, "gateway/jobs/assistant.json", str(tmp_path))
    assert Path(found).read_text() == '{\n  "a": 1\n}'


@pytest.mark.parametrize("host", ["evil.example", "10.evil.example", "192.168.0.9"])
def test_a_host_that_is_not_this_one_is_refused(mlflow_url: str, host: str) -> None:
    path = "/mlflow/ajax-api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.get(mlflow_url + path, headers={"Host": host}).status_code == 403
    assert httpx.get(mlflow_url + path, headers={"Host": "search.example:8000"}).is_success


def test_a_page_of_another_site_can_write_nothing(mlflow_url: str) -> None:
    path = "/mlflow/api/2.0/mlflow-artifacts/artifacts/0/hostile.txt"
    for origin, status in (
        ("http://evil.example", 403),
        ("null", 403),
        ("http://search.example:8000", 200),
        (mlflow_url, 200),
    ):
        answer = httpx.put(mlflow_url + path, content=b"x", headers={"Origin": origin})
        assert answer.status_code == status
