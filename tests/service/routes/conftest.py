import hashlib
from collections.abc import Callable

import httpx
import pytest

from kerasearch.service.routes.context import Context
from kerasearch.service.store import leases, trials
from kerasearch.service.trials import TrialState

PostJob = Callable[..., str]
RunTrial = Callable[..., bytes]


@pytest.fixture
def post_job(http: httpx.Client) -> PostJob:
    """Posts a job, an mlp on digits unless parts say otherwise; its id."""

    def post_job(**parts: object) -> str:
        document = {"model": "mlp", "data": {"dataset": "digits"}, **parts}
        answer = http.post("/v1/jobs", json=document)
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    return post_job


@pytest.fixture
def run_trial(context: Context) -> RunTrial:
    """Does what scheduler and trial process do for one trial; the content of its model's file."""

    def run_trial(
        job_id: str,
        number: int,
        value: float | None = 0.5,
        params: dict[str, object] | None = None,
        epochs: int = 2,
        **metrics: float,
    ) -> bytes:
        model = f"model of trial {number}".encode() * 100
        folder = context.settings.attempt_dir(job_id, number, 1)
        folder.mkdir(parents=True)
        (folder / "model.keras").write_bytes(model)
        with context.database.write() as tx:
            trial_id = trials.add_trial(tx, job_id, number, params or {"layers": number}, 7)
            lease = leases.place(tx, trial_id)
            assert lease is not None
            leases.begin(tx, lease, 1, "cpu")
            if value is None:
                outcome = leases.Outcome(TrialState.INFEASIBLE, "the loss is NaN")
            else:
                for epoch in range(1, epochs + 1):
                    leases.report(tx, lease, {epoch: {"val_accuracy": value * epoch / epochs}})
                outcome = leases.Outcome(
                    TrialState.COMPLETE,
                    value=value,
                    best_epoch=epochs,
                    metrics={"val_accuracy": value, **metrics},
                    model_sha256=hashlib.sha256(model).hexdigest(),
                )
            leases.finish(tx, lease, outcome)
        return model

    return run_trial
