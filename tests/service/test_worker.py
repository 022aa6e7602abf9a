"""A lease ends in a recorded outcome, and a lost one stops its training."""

import os
import re
import sqlite3
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from kerasearch.models.datasets import Schema, inspect_file
from kerasearch.service import worker
from kerasearch.service.dataset_files import file_of
from kerasearch.service.files import listing, sha256_of
from kerasearch.service.jobs import JobState
from kerasearch.service.settings import Settings
from kerasearch.service.store import (
    datasets,
    events,
    jobs,
    leases,
    retrainings,
    trial_views,
    trials,
)
from kerasearch.service.store.database import Database
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.store.leases import Lease
from kerasearch.service.store.tables import jobs as jobs_table
from kerasearch.service.testing import QUICK, accept, place, wait_until
from kerasearch.service.trials import RetrainingRequest, Trial, TrialState


def _read(database: Database, lease: Lease) -> Trial:
    with database.read() as tx:
        return trial_views.read_trial_row(tx, lease.trial_id)


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
    assert {"confusion_matrix.json", "model.keras", "model_summary.txt"} <= set(listing(folder))
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
    job_id = accept(database, budget={"epochs": 1})
    folder = settings.attempt_dir(job_id, 0, 1)
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the attempt's folder belongs")
    lease = place(database, job_id, QUICK)
    assert not worker.run_lease(database, settings, lease)
    trial = _read(database, lease)
    assert trial.state is TrialState.QUEUED
    assert trial.attempts[0].outcome == "lost"
    assert str(trial.attempts[0].reason).startswith("FileExistsError: ")


@pytest.fixture
def altered(database: Database, settings: Settings) -> str:
    """A job on an uploaded file that was altered since."""
    file = settings.data_dir / "upload.csv"
    file.write_text("x,kind\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(60)))
    info = inspect_file(file, file.name, None, Schema(target="kind"))
    stored = StoredDataset(sha256_of(file), "animals", "data.csv", info)
    file_of(settings, stored).parent.mkdir(parents=True)
    file.rename(file_of(settings, stored))
    with database.write() as tx:
        datasets.add_dataset(tx, stored)
    job_id = accept(database)
    with database.write() as tx:
        tx.execute(update(jobs_table).values(dataset_id=stored.id))
        jobs.start_job(tx, job_id)
    with file_of(settings, stored).open("a") as opened:
        opened.write("1000000,a\n")
    return job_id


def test_a_dataset_that_was_altered_fails_the_job_at_once_and_gives_no_number(
    database: Database, settings: Settings, altered: str
) -> None:
    lease, other = place(database, altered, QUICK), place(database, altered, QUICK, 1)
    assert not worker.run_lease(database, settings, lease)
    with database.read() as tx:
        job = jobs.read_job(tx, altered)
    assert job.state is JobState.FAILED
    assert str(job.reason).startswith("the file of dataset 'animals' isn't what was uploaded")
    assert job.best is None
    trial = _read(database, lease)
    assert (trial.state, trial.value, trial.reason) == (TrialState.FAILED, None, job.reason)
    assert len(trial.attempts) == 1
    assert _read(database, other).state is TrialState.CANCELLED


def test_a_repeat_on_an_altered_dataset_fails_and_leaves_the_job_alone(
    database: Database, settings: Settings, altered: str
) -> None:
    with database.write() as tx:
        jobs.end_job(tx, altered, JobState.COMPLETED, "done")
        request = RetrainingRequest(repeats=1)
        retraining_id = retrainings.add_retraining(tx, altered, request, QUICK)
        lease = leases.place(tx, trials.unended_rows(tx)[0].id)
    assert lease is not None
    assert not worker.run_lease(database, settings, lease)
    with database.read() as tx:
        (repeat,) = trials.repeats_of(tx, retraining_id)
        assert jobs.read_job(tx, altered).state is JobState.COMPLETED
    assert repeat.state is TrialState.FAILED
    assert "isn't what was uploaded" in str(repeat.reason)
    assert repeat.metrics == {}


def test_a_trial_whose_model_finds_no_room_waits_and_is_run_again(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: it is no fault of the trial."""
    pauses: list[float] = []
    monkeypatch.setattr(
        worker, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append)
    )
    job_id = accept(database, budget={"epochs": 1})
    folder = settings.attempt_dir(job_id, 0, 1)
    folder.mkdir(parents=True)
    (folder / f".{os.getpid()}.model.keras").symlink_to("/dev/full")
    lease = place(database, job_id, QUICK)
    assert not worker.run_lease(database, settings, lease)
    assert pauses == [worker.PAUSE_S]
    trial = _read(database, lease)
    assert trial.state is TrialState.QUEUED
    assert trial.attempts[0].outcome == "stopped"
    assert trial.attempts[0].reason == f"the disk of {folder} is full"
    assert "model.keras" not in listing(folder)

    with database.write() as tx:
        again = leases.place(tx, lease.trial_id)
    assert again is not None
    assert worker.run_lease(database, settings, again)


def test_a_training_goes_on_while_the_database_is_locked_and_reports_all_of_it_later(
    database: Database, settings: Settings
) -> None:
    job_id = accept(
        database,
        budget={"epochs": 30},
        search={"pruner": "none"},
        training={"early_stopping": None},
    )
    lease = place(database, job_id, QUICK)
    impatient = Database(settings.database_url, lock_wait_s=0.01)

    def lock_in_mid_training() -> None:
        wait_until(lambda: _read(database, lease).values)
        with closing(sqlite3.connect(settings.data_dir / "kerasearch.db")) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            time.sleep(1.5)
            other.execute("ROLLBACK")

    locker = threading.Thread(target=lock_in_mid_training)
    locker.start()
    assert worker.run_lease(impatient, settings, lease)
    locker.join()
    impatient.close()
    trial = _read(database, lease)
    assert trial.state is TrialState.COMPLETE
    assert len(trial.values) == 30
    assert len(trial.attempts) == 1


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


def test_a_trial_ends_with_the_epoch_that_its_time_limit_falls_in_and_keeps_its_best(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, budget={"epochs": 500, "trial_time_s": 1e-9})
    lease = place(database, job_id, QUICK)
    assert worker.run_lease(database, settings, lease)
    trial = _read(database, lease)
    assert (trial.state, trial.best_epoch, len(trial.values)) == (TrialState.COMPLETE, 1, 1)
    assert trial.reason == "its time limit of 1e-09 s ended it"
    assert trial.model_sha256 is not None
