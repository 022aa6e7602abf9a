"""What outlives what: kills, restarts and an orderly end of a service of one's own."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.store import trial_views
from kerasearch.service.store.database import Database
from kerasearch.service.testing import is_gone
from kerasearch.service.trials import TrialState

TRIALS = 6
REQUEST: dict[str, Any] = {
    "name": "survivor",
    "model": "mlp",
    "data": {"dataset": "digits"},
    "budget": {"trials": TRIALS, "epochs": 40},
    "training": {"early_stopping": None},
    "search": {"engine": "hyperopt", "seed": 5},
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lives")


def child(service: RunningService, role: str) -> psutil.Process:
    """The one that runs a part of the service."""
    (found,) = [
        process
        for process in psutil.Process(service.process.pid).children()
        if any(role in argument for argument in process.cmdline())
    ]
    return found


def running(client: Client, job_id: str) -> Callable[[], bool]:
    return lambda: client.job(job_id).trials[TrialState.RUNNING] > 0


def test_a_job_survives_kills_of_every_part_and_of_the_whole_service(
    data_dir: Path, wait_until: Callable[..., Any], wait_for_end: Callable[..., Job]
) -> None:
    with running_service(data_dir, workers=2) as service, Client(service.url) as client:
        job_id = client.submit(REQUEST).id
        wait_until(running(client, job_id))
        before = {role: child(service, role) for role in ("scheduler", "mirror", "mlflow", "api")}
        for process in before.values():
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: client.is_ready() and child(service, "api") != before["api"])
        assert client.job(job_id).state is JobState.RUNNING
        everything = psutil.Process(service.process.pid).children(recursive=True)
        service.process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(everything, timeout=15)
        assert not alive, "nothing may outlive the supervisor"

    with running_service(data_dir, workers=2) as service, Client(service.url) as client:
        job = wait_for_end(client, job_id)
        assert job.state is JobState.COMPLETED
        assert job.trials[TrialState.COMPLETE] == TRIALS
        trials = list(client.trials(job_id))
        assert [trial.number for trial in trials] == list(range(TRIALS))
        outcomes = [[attempt.outcome for attempt in trial.attempts] for trial in trials]
        assert all(tried.count("complete") == 1 and tried[-1] == "complete" for tried in outcomes)
        assert any("stopped" in tried for tried in outcomes), "no kill hit a trial: test nothing"

        wait_until(lambda: runs_of(service, job) == TRIALS + 1)


def runs_of(service: RunningService, job: Job) -> int:
    """How many finished runs MLflow shows of a job, its own among them."""
    tracking = mlflow.MlflowClient(f"{service.url}/mlflow")
    found = tracking.get_experiment_by_name(job.name)
    own = f"tags.`kerasearch.job` = '{job.id}' AND attributes.status = 'FINISHED'"
    return 0 if found is None else len(tracking.search_runs([found.experiment_id], own))


def test_a_job_is_paused_extended_and_cancelled_while_it_runs(
    data_dir: Path, wait_until: Callable[..., Any], wait_for_end: Callable[..., Job]
) -> None:
    with running_service(data_dir, workers=2) as service, Client(service.url) as client:
        short = {**REQUEST, "name": "short", "budget": {"trials": 3, "epochs": 200}}
        job = client.submit(short)
        wait_until(running(client, job.id))
        assert client.pause(job.id).state is JobState.PAUSED
        wait_until(lambda: not running(client, job.id)())
        assert client.job(job.id).state is JobState.PAUSED
        client.resume(job.id)
        assert wait_for_end(client, job.id).trials[TrialState.COMPLETE] == 3
        client.change(job.id, {"budget": {"trials": 4}})
        job = wait_for_end(client, job.id)
        assert (job.state, job.trials[TrialState.COMPLETE]) == (JobState.COMPLETED, 4)

        long = {**REQUEST, "name": "long", "budget": {"trials": 2, "epochs": 100_000}}
        job = client.submit(long)
        wait_until(lambda: [bool(t.values) for t in client.trials(job.id)] == [True, True])
        processes = [psutil.Process(t.attempts[0].pid) for t in client.trials(job.id)]
        client.cancel(job.id)
        wait_until(lambda: all(map(is_gone, processes)))
        assert client.job(job.id).state is JobState.CANCELLED
        assert [t.state for t in client.trials(job.id)] == [TrialState.CANCELLED] * 2
        client.delete(job.id)
        assert "long" not in [other.name for other in client.jobs()]


def test_mlflow_being_down_delays_the_mirror_and_nothing_else(
    data_dir: Path, wait_until: Callable[..., Any], wait_for_end: Callable[..., Job]
) -> None:
    with running_service(data_dir, workers=2) as service, Client(service.url) as client:
        server = child(service, "mlflow_server")
        server.suspend()  # it neither answers nor ends, so it isn't started again
        job = wait_for_end(
            client, client.submit({**REQUEST, "name": "alone", "search": {"seed": 9}}).id
        )
        assert job.state is JobState.COMPLETED
        assert job.mlflow_url is None
        with_mlflow = client.submit({**REQUEST, "name": "beside", "search": {"seed": 9}})
        server.resume()
        wait_until(lambda: runs_of(service, job) == TRIALS + 1)
        assert client.job(job.id).mlflow_url
        wait_for_end(client, with_mlflow.id)
        alone, beside = (
            [(trial.params, trial.value) for trial in client.trials(done)]
            for done in (job.id, with_mlflow.id)
        )
        assert alone == beside
        wait_until(lambda: runs_of(service, with_mlflow) == TRIALS + 1)
        assert runs_of(service, job) == TRIALS + 1, "each is shown once"


def test_sigterm_in_mid_trial_ends_it_in_time_and_leaves_no_process(
    data_dir: Path, wait_until: Callable[..., Any]
) -> None:
    with running_service(data_dir, workers=2) as service, Client(service.url) as client:
        job_id = client.submit({**REQUEST, "name": "cut"}).id
        wait_until(running(client, job_id))
        everything = psutil.Process(service.process.pid).children(recursive=True)
        assert len(everything) >= 6
        started = time.monotonic()
        os.kill(service.process.pid, signal.SIGTERM)
        assert service.process.wait(15) == 0
        _, alive = psutil.wait_procs(everything, timeout=max(0, started + 15 - time.monotonic()))
        assert not alive
    database = Database(f"sqlite:///{data_dir / 'kerasearch.db'}")
    with database.read() as tx:
        trials = trial_views.list_trials(tx, job_id, None, None, None)
    database.close()
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.QUEUED}
    assert "stopped" in [trial.attempts[-1].outcome for trial in trials], "it was put back"


def test_the_api_never_brings_in_tensorflow_and_stays_small(
    service: RunningService, client: Client
) -> None:
    """After whatever the other tests of this session asked of it."""
    list(client.jobs())
    api = child(service, "api")
    assert not [m.path for m in api.memory_maps() if "tensorflow" in m.path or "mlflow" in m.path]
    assert api.memory_info().rss < 250 * 2**20
