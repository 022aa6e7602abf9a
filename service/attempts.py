"""What one attempt does between its lease and its outcome: a search's trial, or a repeat."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kerasearch.models import load_family
from kerasearch.models.datasets import Dataset, fit_scaling, resplit_rows, split_rows
from kerasearch.models.datasets.split import Rows
from kerasearch.models.evaluation import Evaluation, evaluate
from kerasearch.models.family import DataShape
from kerasearch.models.pictures import draw_confusion_matrix, draw_curves
from kerasearch.models.plan import EarlyStopping, Parts, TrainingPlan
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.watch import OnEpoch
from kerasearch.service import jobs
from kerasearch.service.dataset_files import open_dataset
from kerasearch.service.files import sha256_of, write_csv, write_json, write_text, written_whole
from kerasearch.service.jobs import JobRequest
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import leases
from kerasearch.service.store import retrainings as retrainings_store
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Assignment, Lease, Outcome
from kerasearch.service.trials import TrialState


@dataclass(frozen=True)
class Attempt:
    """One attempt in this process, and what it works with."""

    database: Database
    settings: Settings
    lease: Lease
    assignment: Assignment
    on_epoch: OnEpoch


def run_attempt(attempt: Attempt) -> Outcome:
    """Train, evaluate and leave the files; InfeasibleError says why params can't be trained."""
    if attempt.assignment.retraining_id is None:
        return _run_search_trial(attempt)
    return _run_repeat(attempt, attempt.assignment.retraining_id)


def _run_search_trial(attempt: Attempt) -> Outcome:
    """Train on the train part, judge on the validation part; the test part isn't looked at."""
    assignment = attempt.assignment
    request = assignment.request
    plan = _plan(request, request.budget.epochs, request.training.early_stopping)
    dataset = _open(attempt)
    split = split_rows(dataset.y, **request.data.split.model_dump())
    parts = _parts(dataset, split.train, split.validation)
    trained = _train(attempt, dataset, parts, plan)
    judged = evaluate(trained.model, parts.x_validation, parts.y_validation, len(dataset.classes))

    folder = attempt.settings.attempt_dir(
        assignment.job_id, assignment.number, attempt.lease.attempt
    )
    write_text(folder / "model_summary.txt", trained.summary)
    write_json(
        folder / "confusion_matrix.json",
        {"classes": dataset.classes, "counts": judged.confusion.tolist()},
    )
    value = trained.metrics[plan.metric]
    with attempt.database.read() as tx:
        kept = leases.keeps_model(
            tx, assignment.job_id, value, maximize=plan.direction == "maximize"
        )
    limit_s = request.budget.trial_time_s
    return Outcome(
        TrialState.COMPLETE,
        reason=f"its time limit of {limit_s:g} s ended it" if trained.stopped else None,
        value=value,
        best_epoch=trained.best_epoch,
        metrics=trained.metrics,
        model_sha256=_save_model(trained.model, folder / "model.keras") if kept else None,
    )


def _run_repeat(attempt: Attempt, retraining_id: str) -> Outcome:
    """Train on a fresh split of all but the test part, then judge once on the test part."""
    assignment = attempt.assignment
    with attempt.database.read() as tx:
        asked = retrainings_store.read_retraining(tx, retraining_id).request
    stopping = (assignment.request.training.early_stopping or jobs.EarlyStopping()).model_copy(
        update={"patience": asked.patience}
    )
    dataset = _open(attempt)
    data = assignment.request.data
    split = split_rows(dataset.y, **data.split.model_dump())
    train_rows, validation_rows = resplit_rows(
        dataset.y,
        np.concatenate([split.train, split.validation]),
        validation=data.split.validation,
        stratify=data.split.stratify,
        seed=assignment.seed,
    )
    parts = _parts(dataset, train_rows, validation_rows)
    trained = _train(attempt, dataset, parts, _plan(assignment.request, asked.epochs, stopping))

    with attempt.database.write() as tx:
        jobs_store.record_test_read(tx, assignment.job_id)
    classes = len(dataset.classes)
    judged = {
        "train": evaluate(trained.model, parts.x_train, parts.y_train, classes),
        "validation": evaluate(trained.model, parts.x_validation, parts.y_validation, classes),
        "test": evaluate(trained.model, dataset.x[split.test], dataset.y[split.test], classes),
    }
    folder = attempt.settings.retraining_dir(assignment.job_id, retraining_id)
    _leave_files(folder, assignment.number, dataset.classes, trained, judged["test"])
    return Outcome(
        TrialState.COMPLETE,
        value=judged["test"].accuracy,
        best_epoch=trained.best_epoch,
        metrics={
            f"{part}_{name}": value
            for part, evaluation in judged.items()
            for name, value in (("loss", evaluation.loss), ("accuracy", evaluation.accuracy))
        },
        result={
            "classes": dataset.classes,
            "confusion": judged["test"].confusion.tolist(),
            "class_errors": judged["test"].class_errors.tolist(),
        },
        model_sha256=_save_model(trained.model, folder / f"model_{assignment.number}.keras"),
    )


def _leave_files(
    folder: Path,
    number: int,
    classes: tuple[str, ...],
    trained: TrainedModel,
    test: Evaluation,
) -> None:
    rows = [["true \\ predicted", *classes]]
    rows += [[name, *map(str, row)] for name, row in zip(classes, test.confusion, strict=True)]
    write_csv(folder / f"confusion_matrix_{number}.csv", rows)
    with written_whole(folder / f"confusion_matrix_{number}.png") as temporary:
        draw_confusion_matrix(test.confusion, classes, temporary)
    with written_whole(folder / f"curves_{number}.png") as temporary:
        draw_curves(trained.curves, trained.best_epoch, temporary)


def _open(attempt: Attempt) -> Dataset:
    assignment = attempt.assignment
    return open_dataset(
        attempt.database, attempt.settings, assignment.dataset_id, assignment.request.data
    )


def _parts(dataset: Dataset, train_rows: Rows, validation_rows: Rows) -> Parts:
    return Parts(
        x_train=dataset.x[train_rows],
        y_train=dataset.y[train_rows],
        x_validation=dataset.x[validation_rows],
        y_validation=dataset.y[validation_rows],
    )


def _plan(request: JobRequest, epochs: int, stopping: jobs.EarlyStopping | None) -> TrainingPlan:
    return TrainingPlan(
        epochs=epochs,
        metric=request.objective.metric,
        direction=request.objective.direction or "maximize",
        early_stopping=None if stopping is None else EarlyStopping(**stopping.model_dump()),
    )


def _train(attempt: Attempt, dataset: Dataset, parts: Parts, plan: TrainingPlan) -> TrainedModel:
    assignment = attempt.assignment
    scaling = fit_scaling(parts.x_train, assignment.request.data.scale, dataset.kind)
    shape = DataShape(dataset.x.shape[1:], len(dataset.classes), scaling)
    family = load_family(assignment.request.model)(shape)
    return train(family, assignment.params, parts, plan, assignment.seed, attempt.on_epoch)


def _save_model(model: keras.Model, path: Path) -> str:
    """Write the `.keras` file whole; its SHA-256."""
    with written_whole(path) as temporary:
        model.save(temporary)
        return sha256_of(temporary)
