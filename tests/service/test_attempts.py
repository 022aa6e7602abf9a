"""What an attempt trains on, judges by and leaves behind."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasearch.models.datasets import load_builtin, resplit_rows, split_rows
from kerasearch.service import worker
from kerasearch.service.attempts import Attempt, run_attempt
from kerasearch.service.files import listing, sha256_of
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs, leases, retrainings, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease, Outcome
from kerasearch.service.testing import QUICK, accept, complete, new_database, place
from kerasearch.service.trials import RetrainingRequest

SPLIT = {"validation": 0.25, "test": 0.3, "stratify": True, "seed": 5}
DATA = {"dataset": "breast-cancer", "split": SPLIT, "scale": "standard"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def _run(database: Database, settings: Settings, lease: Lease) -> Outcome:
    with database.write() as tx:
        assignment = leases.begin(tx, lease, 1, "cpu")
    return run_attempt(
        Attempt(database, settings, lease, assignment, lambda _epoch, _metrics: True)
    )


def _test_was_read(database: Database, job_id: str) -> bool:
    with database.read() as tx:
        return jobs.read_job(tx, job_id).test_read_at is not None


def test_a_trial_is_trained_on_train_judged_on_validation_and_leaves_test_alone(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, data=DATA, budget={"epochs": 3})
    outcome = _run(database, settings, place(database, job_id, QUICK))
    assert not _test_was_read(database, job_id)

    dataset = load_builtin("breast-cancer")
    split = split_rows(dataset.y, validation=0.25, test=0.3, stratify=True, seed=5)
    folder = settings.attempt_dir(job_id, 0, 1)
    confusion = json.loads((folder / "confusion_matrix.json").read_text())
    assert np.sum(confusion["counts"]) == len(split.validation)
    assert tuple(confusion["classes"]) == dataset.classes
    assert "Total params" in (folder / "model_summary.txt").read_text()

    model = keras.models.load_model(folder / "model.keras")
    predicted = np.argmax(model.predict(dataset.x[split.validation], verbose=0), axis=1)
    assert np.mean(predicted == dataset.y[split.validation]) == pytest.approx(outcome.value)
    shift = next(one for one in model.layers if isinstance(one, keras.layers.Normalization))
    seen = dataset.x[split.train].astype(float).mean(axis=0)
    np.testing.assert_allclose(np.ravel(shift.mean), seen, rtol=1e-4)


def test_the_same_trial_again_has_the_same_numbers_and_a_model_if_it_may_be_the_best(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, budget={"epochs": 2})
    lease = place(database, job_id, {**QUICK, "dropout": 0.3})
    first = _run(database, settings, lease)
    better = place(database, job_id, QUICK, 1)
    with database.write() as tx:
        leases.finish(tx, better, complete(1.1))
        leases.lose(tx, lease, "killed")
        again = leases.place(tx, lease.trial_id)
    assert again is not None
    second = _run(database, settings, again)
    assert first.metrics == second.metrics
    assert "model.keras" in listing(settings.attempt_dir(job_id, 0, 1))
    assert "model.keras" not in listing(settings.attempt_dir(job_id, 0, 2))
    assert second.model_sha256 is None


def test_a_repeat_is_trained_on_a_split_of_its_own_and_judged_on_the_test_part(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, data=DATA)
    with database.write() as tx:
        request = RetrainingRequest(repeats=1, epochs=2, seed=9)
        retraining_id = retrainings.add_retraining(tx, job_id, request, QUICK)
        lease = leases.place(tx, trials.unended_rows(tx)[0].id)
    assert lease is not None
    assert worker.run_lease(database, settings, lease)
    assert _test_was_read(database, job_id)

    with database.read() as tx:
        (repeat,) = trials.repeats_of(tx, retraining_id)
        (shown,) = retrainings.read_retraining(tx, retraining_id).repeats
    assert shown.epochs_done == 2
    assert set(repeat.metrics) == {
        f"{part}_{name}"
        for part in ("train", "validation", "test")
        for name in ("loss", "accuracy")
    }
    dataset = load_builtin("breast-cancer")
    split = split_rows(dataset.y, validation=0.25, test=0.3, stratify=True, seed=5)
    confusion = np.array(repeat.result["confusion"])
    assert confusion.sum() == len(split.test)
    assert np.trace(confusion) / confusion.sum() == pytest.approx(repeat.metrics["test_accuracy"])

    folder = settings.retraining_dir(job_id, retraining_id)
    assert listing(folder) == [
        "confusion_matrix_0.csv",
        "confusion_matrix_0.png",
        "curves_0.png",
        "model_0.keras",
    ]
    assert sha256_of(folder / "model_0.keras") == repeat.model_sha256
    with (folder / "confusion_matrix_0.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head[1:] == [row[0] for row in rows] == list(dataset.classes)
    assert [[int(cell) for cell in row[1:]] for row in rows] == confusion.tolist()

    pool = np.concatenate([split.train, split.validation])
    _, validation = resplit_rows(dataset.y, pool, validation=0.25, stratify=True, seed=9)
    model = keras.models.load_model(folder / "model_0.keras")
    predicted = np.argmax(model.predict(dataset.x[validation], verbose=0), axis=1)
    accuracy = np.mean(predicted == dataset.y[validation])
    assert accuracy == pytest.approx(repeat.metrics["validation_accuracy"])
