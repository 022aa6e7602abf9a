import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job
from kerasearch.service.launching import RunningService, running_service


@pytest.fixture(scope="session")
def plugins_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service looks for plugins, also for those that are put there while it serves."""
    return tmp_path_factory.mktemp("plugins")


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, plugins_dir: Path
) -> Iterator[RunningService]:
    """One real service for all acceptance tests: its processes, its database, its MLflow."""
    folder = tmp_path_factory.mktemp("service")
    with running_service(folder, workers=2, plugins=plugins_dir) as running:
        yield running


@pytest.fixture(scope="session")
def client(service: RunningService) -> Iterator[Client]:
    with Client(service.url) as client:
        yield client


def ended(client: Client, job_id: str, within_s: float = 240) -> Job:
    """The job once it has ended."""
    deadline = time.monotonic() + within_s
    while not (job := client.job(job_id)).state.ended:
        assert time.monotonic() < deadline, f"job {job_id} still {job.state}: {job.trials}"
        time.sleep(0.2)
    return job


@pytest.fixture(scope="session")
def wait_for_end() -> Any:  # importlib mode has no imports between test files
    return ended


def until(condition: Any, within_s: float = 120) -> Any:
    """What `condition` gives once it gives something."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="session")
def wait_until() -> Any:
    return until
