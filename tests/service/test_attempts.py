"""What an attempt trains on, judges by and leaves behind."""

import csv
import json

import keras
import numpy as np
import pytest

from kerasearch.models.codes import encoder_of
from kerasearch.models.datasets import load_builtin, resplit_rows, split_rows
from kerasearch.models.evaluation import predict
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.service import worker
from kerasearch.service.attempts import Attempt, run_attempt
from kerasearch.service.checkpoint_files import Checkpoints
from kerasearch.service.files import listing, sha256_of
from kerasearch.service.jobs import JobRequest
from kerasearch.service.reports import Reports
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs, leases, retrainings, trial_views, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease, Outcome
from kerasearch.service.testing import QUICK, accept, complete, place
from kerasearch.service.trainings import turns_of
from kerasearch.service.trials import RetrainingRequest, TrialState

SPLIT = {"validation": 0.25, "test": 0.3, "stratify": True, "seed": 5}
DATA = {"dataset": "breast-cancer", "split": SPLIT, "scale": "standard"}


def _run(database: Database, settings: Settings, lease: Lease) -> Outcome:
    with database.write() as tx:
        assignment = leases.begin(tx, lease, 1, "cpu")
    reports = Reports(database, lease)
    checkpoints = Checkpoints(database, settings, lease, assignment)
    return run_attempt(Attempt(database, settings, lease, assignment, reports, checkpoints))


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


def test_training_is_given_what_a_parameter_sets_under_its_own_name(
    database: Database, settings: Settings
) -> None:
    rate = {"type": "float", "low": 0.01, "high": 1, "when": {"optimizer": ["sgd"]}}
    params = {name: value for name, value in QUICK.items() if name != "learning_rate"}
    params["optimizer"] = "sgd"
    space = {**params, "sgd_lr": {**rate, "sets": "learning_rate"}}
    job_id = accept(database, space=space, budget={"epochs": 1})
    params["sgd_lr"] = 0.25
    _run(database, settings, place(database, job_id, params))
    model = keras.models.load_model(settings.attempt_dir(job_id, 0, 1) / "model.keras")
    assert float(model.optimizer.learning_rate) == 0.25


def test_a_class_that_counts_more_is_found_more(database: Database, settings: Settings) -> None:
    found = []
    for rare in ("benign", "malignant"):
        training = {"class_weight": {rare: 1000}}
        job_id = accept(database, data=DATA, training=training, budget={"epochs": 3})
        found.append(_run(database, settings, place(database, job_id, QUICK)).metrics)
    recalled = [metrics["val_recall"] for metrics in found]  # of the malignant
    assert recalled[0] < 0.9 < 0.99 < recalled[1]


def test_a_model_over_the_jobs_limits_is_infeasible_before_it_is_trained(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, limits={"parameters": 10}, budget={"epochs": 1})
    with pytest.raises(InfeasibleError, match="over the limit of 10 that the job sets"):
        _run(database, settings, place(database, job_id, QUICK))


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


def test_a_trial_of_folds_is_their_mean_and_keeps_the_best_one_s_model(
    database: Database, settings: Settings
) -> None:
    split = {**SPLIT, "folds": 3}
    job_id = accept(database, data={**DATA, "split": split}, budget={"epochs": 4, "repeats": 2})
    lease = place(database, job_id, QUICK)
    assert worker.run_lease(database, settings, lease)
    assert not _test_was_read(database, job_id)
    with database.read() as tx:
        trial = trial_views.read_trial_row(tx, lease.trial_id)
    assert [training.fold for training in trial.trainings] == [0, 1, 2, 0, 1, 2]
    values = [training.value for training in trial.trainings]
    assert trial.value == trial.metrics["val_accuracy"] == pytest.approx(np.mean(values))
    assert trial.std_error == pytest.approx(np.std(values, ddof=1) / 6**0.5)
    assert len(trial.values) == sum(training.epochs for training in trial.trainings) == 24
    best = int(np.argmax(values))
    assert trial.best_epoch == 4 * best + trial.trainings[best].best_epoch
    assert trial.values[trial.best_epoch - 1] == pytest.approx(values[best])

    dataset = load_builtin("breast-cancer")
    request = _request(database, job_id)
    turn = turns_of(dataset, request, trial.seed)[best]
    model = keras.models.load_model(settings.attempt_dir(job_id, 0, 1) / "model.keras")
    predicted = np.argmax(model.predict(dataset.x[turn.validation], verbose=0), axis=1)
    assert np.mean(predicted == dataset.y[turn.validation]) == pytest.approx(values[best])


def _request(database: Database, job_id: str) -> JobRequest:
    with database.read() as tx:
        return jobs.read_job(tx, job_id).request


@pytest.mark.parametrize(("ended_in", "counted"), [(1, 1), (2, 1), (3, 2)])
def test_a_trial_of_folds_that_is_cut_short_counts_those_that_ended(
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    ended_in: int,
    counted: int,
) -> None:
    job_id = accept(database, data={**DATA, "split": {**SPLIT, "folds": 3}}, budget={"epochs": 3})
    lease = place(database, job_id, QUICK)
    trained = []
    add = Reports.add

    def end_early(reports: Reports, epoch: int, metrics: dict[str, float]) -> bool:
        trained.append(epoch)
        go_on = add(reports, epoch, metrics)
        if len(trained) == 3 * ended_in - 1:
            reports.verdict = "wilcoxon: worse"
            return False
        return go_on

    monkeypatch.setattr(Reports, "add", end_early)
    outcome = _run(database, settings, lease)
    assert (outcome.state, outcome.reason) == (TrialState.PRUNED, "wilcoxon: worse")
    assert len(trained) == 3 * ended_in - 1
    assert outcome.trainings is not None
    values = [training.value for training in outcome.trainings]
    assert len(values) == counted
    assert outcome.value == pytest.approx(np.mean(values))


def test_a_retraining_of_a_job_with_folds_is_judged_on_the_test_part(
    database: Database, settings: Settings
) -> None:
    job_id = accept(database, data={**DATA, "split": {**SPLIT, "folds": 3}})
    with database.write() as tx:
        request = RetrainingRequest(repeats=1, epochs=2, seed=9)
        retrainings.add_retraining(tx, job_id, request, QUICK)
        lease = leases.place(tx, trials.unended_rows(tx)[0].id)
    assert lease is not None
    outcome = _run(database, settings, lease)
    assert "test_accuracy" in (outcome.metrics or {})
    assert _test_was_read(database, job_id)


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
        for name in ("loss", "accuracy", "auc", "precision", "recall", "mae")
    }
    dataset = load_builtin("breast-cancer")
    split = split_rows(dataset.y, validation=0.25, test=0.3, stratify=True, seed=5)
    confusion = np.array(repeat.result["confusion"])
    assert confusion.sum() == len(split.test)
    assert np.trace(confusion) / confusion.sum() == pytest.approx(repeat.metrics["test_accuracy"])

    folder = settings.retraining_dir(job_id, retraining_id)
    assert listing(folder) == [
        "calibration_0.png",
        "confusion_matrix_0.csv",
        "confusion_matrix_0.png",
        "curves_0.png",
        "model_0.keras",
        "roc_0.png",
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


def test_codes_are_left_of_the_rows_that_a_model_was_judged_on(
    database: Database, settings: Settings
) -> None:
    params = {"hidden": 3, "gibbs_steps": 1}
    data = {**DATA, "scale": "minmax"}
    job_id = accept(database, model="rbm", data=data, budget={"epochs": 1})
    _run(database, settings, place(database, job_id, params))
    with database.write() as tx:
        request = RetrainingRequest(repeats=1, epochs=1)
        retraining_id = retrainings.add_retraining(tx, job_id, request, params)
        lease = leases.place(tx, trials.unended_rows(tx)[-1].id)
    assert lease is not None
    assert worker.run_lease(database, settings, lease)

    dataset = load_builtin("breast-cancer")
    split = split_rows(dataset.y, validation=0.25, test=0.3, stratify=True, seed=5)
    trial, repeat = (
        settings.attempt_dir(job_id, 0, 1),
        settings.retraining_dir(job_id, retraining_id),
    )
    for codes, model, rows in (
        (trial / "codes.csv", trial / "model.keras", split.validation),
        (repeat / "codes_0.csv", repeat / "model_0.keras", split.test),
    ):
        with codes.open(newline="") as file:
            head, *lines = csv.reader(file)
        assert head == ["example", "class", "code_1", "code_2", "code_3"]
        assert [int(line[0]) for line in lines] == rows.tolist()
        assert [line[1] for line in lines] == [dataset.classes[label] for label in dataset.y[rows]]
        encoder = encoder_of(keras.saving.load_model(model))
        expected = predict(encoder, dataset.x[rows])
        np.testing.assert_allclose(np.array(lines)[:, 2:].astype(float), expected, rtol=1e-4)


def test_what_a_job_optimizes_beside_its_metrics_is_measured(
    database: Database, settings: Settings
) -> None:
    names = ["parameters", "val_accuracy", "latency_ms", "train_time_s"]
    objective = [{"metric": name} for name in names]
    job_id = accept(database, data=DATA, objective=objective, budget={"epochs": 2})
    outcome = _run(database, settings, place(database, job_id, QUICK))
    assert outcome.metrics is not None
    assert {*names} <= outcome.metrics.keys()
    assert outcome.value == outcome.metrics["parameters"]
    model = keras.models.load_model(settings.attempt_dir(job_id, 0, 1) / "model.keras")
    assert outcome.value == model.count_params()


def test_numbers_are_judged_and_retrained_too(database: Database, settings: Settings) -> None:
    job_id = accept(database, data={"dataset": "diabetes", "split": SPLIT}, budget={"epochs": 3})
    outcome = _run(database, settings, place(database, job_id, QUICK))
    assert outcome.metrics is not None
    assert outcome.value == outcome.metrics["val_rmse"]
    assert {"val_loss", "val_mae", "val_r2", "rmse"} <= set(outcome.metrics)
    folder = settings.attempt_dir(job_id, 0, 1)
    assert listing(folder) == [
        "model.keras",
        "model_summary.txt",
        "predictions.json",
        "residuals.json",
    ]
    predictions = json.loads((folder / "predictions.json").read_text())
    errors = np.subtract(predictions["actual"], predictions["predicted"])
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(outcome.value, rel=1e-4)

    with database.write() as tx:
        request = RetrainingRequest(repeats=1, epochs=2, seed=9)
        retraining_id = retrainings.add_retraining(tx, job_id, request, QUICK)
        lease = leases.place(tx, trials.unended_rows(tx)[-1].id)
    assert lease is not None
    assert worker.run_lease(database, settings, lease)
    with database.read() as tx:
        (repeat,) = trials.repeats_of(tx, retraining_id)
    assert repeat.result == {"task": "regression"}
    assert {f"{part}_r2" for part in ("train", "validation", "test")} <= set(repeat.metrics)
    assert listing(settings.retraining_dir(job_id, retraining_id)) == [
        "curves_0.png",
        "model_0.keras",
        "predictions_0.png",
        "residuals_0.png",
    ]
