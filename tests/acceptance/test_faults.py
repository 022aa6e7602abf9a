"""Faults of trials, data and machines, as they happen to the real service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.trials import TrialState

JOB: dict[str, Any] = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {"layers": 1, "units_1": {"type": "choice", "values": [16, 32, 64]}},
    "budget": {"trials": 2, "epochs": 3},
    "resources": {"parallel": 1},
}


def test_a_dataset_altered_after_its_upload_fails_the_job_and_gives_no_number(
    service: RunningService, client: Client, tmp_path: Path, wait_for_end: Callable[..., Job]
) -> None:
    file = tmp_path / "animals.csv"
    file.write_text("x,kind\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(200)))
    dataset = client.add_dataset(file, name=None, kind=None, schema={"target": "kind"})
    (stored,) = (service.data_dir / "datasets" / dataset.id).iterdir()
    stored.write_text(stored.read_text().replace("7,b", "7,a"))
    job = wait_for_end(client, client.submit({**JOB, "data": {"dataset": "animals"}}).id)
    assert job.state is JobState.FAILED
    assert str(job.reason).startswith("the file of dataset 'animals' isn't what was uploaded")
    assert job.best is None
    assert [len(trial.attempts) for trial in client.trials(job.id)] == [1]


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({}, {"optimizer": "sgd", "learning_rate": 1e30, "activation": "linear"}),
        ({}, {"units_1": 10**9}),
        (
            {"model": "recurrent", "data": {"dataset": "decaying-cosine"}},
            {"bidirectional": True, "stateful": True},
        ),
    ],
    ids=["nan", "too large", "unbuildable"],
)
def test_params_that_cannot_be_trained_cost_one_attempt_each_and_no_process_else(
    client: Client,
    wait_for_end: Callable[..., Job],
    parts: dict[str, object],
    fault: dict[str, object],
) -> None:
    space = {"layers": 1, "batch_size": {"type": "choice", "values": [32, 64]}, **fault}
    job = wait_for_end(client, client.submit({**JOB, **parts, "space": space}).id)
    assert job.state is JobState.FAILED
    assert job.trials[TrialState.INFEASIBLE] == 2
    for trial in client.trials(job.id):
        assert trial.reason
        assert len(trial.attempts) == 1
    assert client.is_ready()


@pytest.mark.slow
def test_a_trial_that_hangs_is_ended_and_run_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[..., Any],
    wait_for_end: Callable[..., Job],
) -> None:
    monkeypatch.setenv("KERASEARCH_EPOCH_LIMIT_S", "20")
    with running_service(tmp_path, workers=1) as service, Client(service.url) as client:
        budget = {"trials": 2, "epochs": 300}
        job_id = client.submit({**JOB, "budget": budget, "training": {"early_stopping": None}}).id

        def training() -> psutil.Process | None:
            trial = next(client.trials(job_id), None)
            began = trial and trial.values and trial.attempts[0].pid
            return psutil.Process(began) if began else None

        hanging = wait_until(training)
        hanging.suspend()
        job = wait_for_end(client, job_id)
        assert job.state is JobState.COMPLETED
        assert not hanging.is_running()
        outcomes = [[a.outcome for a in trial.attempts] for trial in client.trials(job_id)]
        assert outcomes == [["hung", "complete"], ["complete"]]
