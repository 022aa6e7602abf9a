"""The service on PostgreSQL, which restarts while a job runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import NotReady, running_service
from kerasearch.service.own_postgresql import OwnPostgreSQL, own_postgresql
from kerasearch.service.trials import TrialState

JOB: dict[str, Any] = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {"layers": 1, "units_1": {"type": "choice", "values": [16, 32, 64]}},
    "budget": {"trials": 2, "epochs": 30},
    "training": {"early_stopping": None},
    "resources": {"parallel": 1},
}
DOWN_S = 3.0


@pytest.fixture
def server() -> Iterator[OwnPostgreSQL]:
    """One that is this service's alone, and durable: it is killed."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(own_postgresql())
        except FileNotFoundError as error:
            pytest.skip(str(error))


def test_a_job_goes_on_after_postgresql_was_killed_and_is_back(
    server: OwnPostgreSQL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[..., Any],
    wait_for_end: Callable[..., Job],
) -> None:
    monkeypatch.setenv("KERASEARCH_DATABASE_URL", server.url())
    with running_service(tmp_path / "one", workers=1) as service, Client(service.url) as client:
        with pytest.raises(NotReady), running_service(tmp_path / "two", workers=1):
            pass
        refused = (tmp_path / "two" / "service.log").read_text()
        assert f"is held by process {service.process.pid} on " in refused
        job_id = client.submit(JOB).id
        wait_until(lambda: any(trial.values for trial in client.trials(job_id)))
        server.kill()
        unavailable = httpx.post(f"{service.url}/v1/jobs", json=JOB)
        assert unavailable.status_code == 503
        assert int(unavailable.headers["Retry-After"]) > 0
        time.sleep(DOWN_S)
        server.start()
        job = wait_for_end(client, job_id)
        attempts = [trial.attempts for trial in client.trials(job_id)]
    assert job.state is JobState.COMPLETED
    assert job.trials[TrialState.COMPLETE] == 2
    assert [[attempt.outcome for attempt in tried] for tried in attempts] == [["complete"]] * 2
    assert not (tmp_path / "one" / "kerasearch.db").exists()
