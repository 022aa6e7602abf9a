"""A lease ends in a recorded outcome, and a lost one stops its training."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from kerasearch.service import worker
from kerasearch.service.files import listing, sha256_of
from kerasearch.service.settings import Settings
from kerasearch.service.store import events, jobs, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.tables import jobs as jobs_table
from kerasearch.service.store.trials import Lease
from kerasearch.service.testing import QUICK, accept, new_database, place, wait_until
from kerasearch.service.trials import Trial, TrialState


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def _read(database: Database, lease: Lease) -> Trial:
    with database.read() as tx:
        return trials.read_trial_row(tx, lease.trial_id)


def test_a_trial_is_trained_recorded_and_leaves_its_files(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, budget={"epochs": 2})
    lease = place(database, job_id, QUICK)
    assert worker.run_lease(database, settings, lease)
    trial = _read(database, lease)
    assert trial.state is TrialState.COMPLETE
    assert set(trial.curves) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(trial.values) == 2
    assert trial.value == max(value or 0 for value in trial.values)
    assert trial.value == trial.metrics["val_accuracy"]
    assert trial.device
    folder = settings.attempt_dir(job_id, 0, 1)
    assert listing(folder) == ["confusion_matrix.json", "model.keras", "model_summary.txt"]
    assert sha256_of(folder / "model.keras") == trial.model_sha256
    with database.read() as tx:
        best = jobs.read_job(tx, job_id).best
    assert best is not None
    assert best.number == 0


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"optimizer": "sgd", "learning_rate": 1e30}, r"loss became (nan|inf) in epoch 1"),
        ({"units_1": 10**9}, r"a model of [\d,]+ weights is too large"),
    ],
    ids=["nan", "too large"],
)
def test_params_that_cannot_be_trained_are_infeasible_with_a_reason(
    database: Database, settings: Settings, params: dict[str, object], reason: str
) -> None:
    job_id = accept(database, budget={"epochs": 2})
    lease = place(database, job_id, {**QUICK, **params})
    assert not worker.run_lease(database, settings, lease)
    trial = _read(database, lease)
    assert trial.state is TrialState.INFEASIBLE
    assert trial.reason is not None
    assert re.search(reason, trial.reason)
    assert trial.value is None
    assert listing(settings.attempt_dir(job_id, 0, 1)) == []


def test_what_nobody_expected_is_recorded_and_the_trial_is_run_again(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database)
    with database.write() as tx:
        tx.execute(update(jobs_table).values(dataset_id="gone"))
    lease = place(database, job_id, QUICK)
    assert not worker.run_lease(database, settings, lease)
    trial = _read(database, lease)
    assert trial.state is TrialState.QUEUED
    assert trial.attempts[0].outcome == "lost"
    assert trial.attempts[0].reason == "KerasearchError: dataset gone is gone"


def test_a_training_that_loses_its_lease_stops_and_writes_nothing_more(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, budget={"epochs": 100_000}, training={"early_stopping": None})
    lease = place(database, job_id, QUICK)

    def cancel_after_an_epoch() -> None:
        wait_until(lambda: _read(database, lease).values)
        with database.write() as tx:
            jobs.cancel_job(tx, job_id)
            told.append(events.latest(tx))

    told: list[int] = []
    canceller = threading.Thread(target=cancel_after_an_epoch)
    canceller.start()
    assert not worker.run_lease(database, settings, lease)
    canceller.join()
    trial = _read(database, lease)
    assert trial.state is TrialState.CANCELLED
    assert listing(settings.attempt_dir(job_id, 0, 1)) == []
    with database.read() as tx:
        assert [events.latest(tx)] == told


def test_short_epochs_are_reported_several_in_one_write(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: clock.now))
    lease = place(database, accept(database), QUICK)
    reports = worker.Reports(database, lease)
    written = []
    for epoch in range(1, 8):
        assert reports.add(epoch, {"val_accuracy": epoch / 10})
        written.append(len(_read(database, lease).values))
        clock.now += worker.REPORT_INTERVAL_S * 0.4
    assert written == [1, 1, 1, 4, 4, 4, 7]
    assert reports.add(8, {"val_accuracy": 0.8})
    reports.flush()
    assert _read(database, lease).values == [epoch / 10 for epoch in range(1, 9)]


def test_a_process_shows_life_while_an_epoch_lasts_and_ends_without_its_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    exits: list[int] = []
    monkeypatch.setattr(worker.os, "_exit", exits.append)
    job_id = accept(database)
    lease = place(database, job_id, QUICK)

    def beats() -> int:
        with database.read() as tx:
            return trials.unended_rows(tx)[0].beats

    with worker._beating(database, lease, interval_s=0.01):
        wait_until(lambda: beats() >= 2)
        assert exits == []
        with database.write() as tx:
            jobs.cancel_job(tx, job_id)
        wait_until(lambda: exits)
    assert exits[0] == 1
