"""What one attempt does between its lease and its outcome: a search's trial, or a repeat."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from kerasearch.models.checkpoints import Checkpoint, OfferCheckpoint
from kerasearch.models.datasets import Dataset
from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.evaluation import Evaluation, evaluate
from kerasearch.models.limits import ModelLimits
from kerasearch.models.measuring import COSTS, measured_costs
from kerasearch.models.plan import EarlyStopping, TrainingPlan
from kerasearch.models.saving import save_model
from kerasearch.models.tasks import TASKS, direction_of
from kerasearch.models.training import TrainedModel
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces import SearchSpace
from kerasearch.service import jobs
from kerasearch.service.checkpoint_files import Checkpoints, TrialCheckpoint
from kerasearch.service.dataset_files import open_dataset
from kerasearch.service.evaluation_files import (
    leave_codes,
    leave_pictures,
    leave_tables,
    repeat_result,
)
from kerasearch.service.files import sha256_of, write_text, written_whole
from kerasearch.service.jobs import JobRequest
from kerasearch.service.reports import Reports
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import retrainings as retrainings_store
from kerasearch.service.store.best import keeps_model
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Assignment, Lease, Outcome
from kerasearch.service.trainings import Turn, mean_metrics, std_error, total_epochs, turns_of
from kerasearch.service.trial_models import family_of, training_of
from kerasearch.service.trials import Params, Training, TrialState


@dataclass(frozen=True)
class Attempt:
    """One attempt in this process, and what it works with."""

    database: Database
    settings: Settings
    lease: Lease
    assignment: Assignment
    reports: Reports
    checkpoints: Checkpoints

    @cached_property
    def settings_of_training(self) -> Params:
        """The trial's params by the names that training reads."""
        space = SearchSpace.parse(self.assignment.request.space)
        return space.settings(self.assignment.params)

    def offer(self, make: Callable[[], TrialCheckpoint]) -> None:
        """Keep a checkpoint where the trial waits to be continued, and now and then."""
        waits = self.reports.rung is not None
        if waits or (self.reports.verdict is None and self.checkpoints.is_due):
            self.reports.settle()
            if self.checkpoints.save(make(), self.reports.write):
                self.reports.forget()


@dataclass(frozen=True)
class _Result:
    """A training that has ended.

    Attributes:
        epochs_before: Of the trial's trainings before it.
        data: That the model was judged on.
    """

    training: Training
    turn: Turn
    epochs_before: int
    trained: TrainedModel
    data: TrainingData
    judged: Evaluation


def run_attempt(attempt: Attempt) -> Outcome:
    """Train, evaluate and leave the files; InfeasibleError says why params can't be trained."""
    if attempt.assignment.retraining_id is None:
        return _run_search_trial(attempt)
    return _run_repeat(attempt, attempt.assignment.retraining_id)


def _run_search_trial(attempt: Attempt) -> Outcome:
    """Train on the train part, judge on the validation part; the test part isn't looked at.

    Of several trainings the best one's model is kept. The value is their mean, and not what that
    model came to: it is the best on its own validation rows.
    """
    assignment, reports = attempt.assignment, attempt.reports
    request = assignment.request
    dataset = _open(attempt)
    turns = turns_of(dataset, request, assignment.seed)
    trainings = _Trainings(attempt, dataset, turns)
    kept = trainings.run()
    done = trainings.done
    cut_short = kept.trained.stopped or len(done) < len(turns)
    pruned = cut_short and reports.verdict is not None
    metrics = mean_metrics(done)
    values = [metrics[objective.metric] for objective in request.objectives]
    state = TrialState.PRUNED if pruned else TrialState.COMPLETE
    folder = attempt.settings.attempt_dir(
        assignment.job_id, assignment.number, attempt.lease.attempt
    )
    write_text(folder / "model_summary.txt", kept.trained.summary)
    leave_tables(folder, kept.judged)
    is_kept = attempt.database.write_when_possible(  # a training isn't given up for a moment
        lambda tx: keeps_model(tx, assignment.job_id, values, state)
    )
    if is_kept:
        judged_on = kept.data.validation, kept.turn.validation, kept.data.shape
        leave_codes(folder / "codes.csv", kept.trained.model, *judged_on)
    limit_s = request.budget.trial_time_s
    late = f"its time limit of {limit_s:g} s ended it" if cut_short and limit_s else None
    return Outcome(
        state,
        reason=reports.verdict if pruned else late,
        value=values[0],
        best_epoch=kept.epochs_before + kept.training.best_epoch,
        metrics=metrics,
        model_sha256=_save(kept.trained, kept.data, folder / "model.keras") if is_kept else None,
        rung=reports.rung if pruned else None,
        std_error=std_error(done),
        trainings=done if len(turns) > 1 else None,
        path=kept.trained.path,
        path_reason=kept.trained.path_reason,
        warnings=kept.trained.warnings,
    )


class _Trainings:
    """A trial's trainings, one after the other.

    Attributes:
        done: Those that count: one that is cut short does only where it is the first.
    """

    def __init__(self, attempt: Attempt, dataset: Dataset, turns: Sequence[Turn]) -> None:
        self._attempt = attempt
        self._dataset = dataset
        self._turns = turns
        self._start = attempt.checkpoints.load()
        self.done = [*self._start.done]
        self._kept: _Result | None = None  # the best of those that this attempt has trained

    def run(self) -> _Result:
        """Go on from the checkpoint, if there is one, to the end; the best, whose model is kept."""
        reports, start = self._attempt.reports, self._start
        current, seconds = start.current, start.seconds
        while (index := len(self.done)) < len(self._turns):
            reports.begin_training(index, total_epochs(self.done))
            result = self._run_turn(index, current, seconds)
            current, seconds = None, 0.0
            if index == 0 or not result.trained.stopped:
                self.done.append(result.training)
                if self._best == index:
                    self._kept = result
            if result.trained.stopped:
                break
            if len(self.done) < len(self._turns):
                self._offer()
            if reports.verdict is not None:
                break
        return self._kept or self._best_again()

    def _best_again(self) -> _Result:
        """The best, of an earlier attempt: made again of its checkpoint, without training."""
        result = self._run_turn(self._best, self._start.best)
        told = self._start.told
        return replace(
            result,
            training=self.done[self._best],  # whose costs were measured then
            trained=replace(result.trained, **told),
        )

    def _offer(self, make: Callable[[], Checkpoint] | None = None, begun: float = 0.0) -> None:
        """Offer a checkpoint, with that of the training that goes on, if one does."""
        kept, start = self._kept.trained if self._kept else None, self._start
        if kept is None or kept.is_repeatable:
            self._attempt.offer(
                lambda: TrialCheckpoint(
                    current=make and make(),
                    seconds=time.monotonic() - begun if make else 0.0,
                    done=tuple(self.done),
                    best=kept.last_checkpoint if kept else start.best,
                    told=kept.told if kept else start.told,
                )
            )

    @property
    def _best(self) -> int:
        """Of those that have ended, the first of the best."""
        sign = -1 if self._attempt.assignment.request.directions[0] == "maximize" else 1
        return min(range(len(self.done)), key=lambda index: sign * self.done[index].value)

    def _run_turn(self, index: int, start: Checkpoint | None, seconds: float = 0.0) -> _Result:
        """One training; it goes on from `start`, until which it had taken so many seconds."""
        attempt, turn = self._attempt, self._turns[index]
        request = attempt.assignment.request
        plan = _plan(request, request.budget.epochs, request.training.early_stopping)
        data = _data(attempt, self._dataset, turn.train, turn.validation)
        begun = time.monotonic() - seconds
        offer = partial(self._offer, begun=begun)
        trained = _train(attempt, data, plan, turn.seed, start, offer)
        objectives = [objective.metric for objective in request.objectives]
        metrics = trained.metrics | measured_costs(
            objectives,
            trained.model,
            data.validation.x[: data.shape.streams or 1],
            time.monotonic() - begun,
        )
        judged = evaluate(trained.model, data.validation, data.shape)
        # What training reports comes first: it is what the best epoch was chosen by.
        metrics = {f"val_{name}": value for name, value in judged.metrics.items()} | metrics
        training = Training(
            fold=turn.fold,
            seed=turn.seed,
            value=metrics[objectives[0]],
            best_epoch=trained.best_epoch,
            epochs=trained.epochs,
            metrics=metrics,
        )
        return _Result(training, turn, total_epochs(self.done[:index]), trained, data, judged)


def _run_repeat(attempt: Attempt, retraining_id: str) -> Outcome:
    """Train on a fresh split of all but the test part, then judge once on the test part."""
    assignment = attempt.assignment
    with attempt.database.read() as tx:
        asked = retrainings_store.read_retraining(tx, retraining_id).request
    stopping = (assignment.request.training.early_stopping or jobs.EarlyStopping()).model_copy(
        update={"patience": asked.patience}
    )
    dataset = _open(attempt)
    fractions = assignment.request.data.split
    split = dataset.split(fractions)
    pool = np.concatenate([split.train, split.validation])
    train, validation = dataset.resplit(pool, fractions, assignment.seed)
    data = _data(attempt, dataset, train, validation)
    plan = _plan(assignment.request, asked.epochs, stopping)
    start = attempt.checkpoints.load().current
    trained = _train(
        attempt,
        data,
        plan,
        assignment.seed,
        start,
        lambda make: attempt.offer(lambda: TrialCheckpoint(make())),
    )

    attempt.database.write_when_possible(
        lambda tx: jobs_store.record_test_read(tx, assignment.job_id)
    )
    parts = {
        "train": data.train,
        "validation": data.validation,
        "test": data.prepared.examples(split.test),
    }
    judged = {
        part: evaluate(trained.model, examples, data.shape) for part, examples in parts.items()
    }
    folder = attempt.settings.retraining_dir(assignment.job_id, retraining_id)
    leave_pictures(folder, assignment.number, trained, judged["test"])
    codes = folder / f"codes_{assignment.number}.csv"
    leave_codes(codes, trained.model, parts["test"], split.test, data.shape)
    return Outcome(
        TrialState.COMPLETE,
        value=judged["test"].metrics[TASKS[data.shape.task].headline],
        best_epoch=trained.best_epoch,
        metrics={
            f"{part}_{name}": value
            for part, evaluation in judged.items()
            for name, value in evaluation.metrics.items()
        },
        result=repeat_result(data.shape.task, judged["test"]),
        model_sha256=_save(trained, data, folder / f"model_{assignment.number}.keras"),
    )


def _open(attempt: Attempt) -> Dataset:
    assignment = attempt.assignment
    return open_dataset(
        attempt.database, attempt.settings, assignment.dataset_id, assignment.request.data
    )


def _plan(request: JobRequest, epochs: int, stopping: jobs.EarlyStopping | None) -> TrainingPlan:
    by_epoch = [objective for objective in request.objectives if objective.metric not in COSTS]
    task = TASKS[request.data.trained_for]
    best_by, *_ = [*by_epoch, jobs.Objective(metric=task.objective)]
    return TrainingPlan(
        epochs=epochs,
        metric=best_by.metric,
        direction=direction_of(best_by.metric),
        early_stopping=None if stopping is None else EarlyStopping(**stopping.model_dump()),
        limits=ModelLimits(**request.limits.model_dump()),
        mixed_precision=request.training.mixed_precision,
        xla=request.training.xla,
        class_weight=request.training.class_weight,
    )


def _data(attempt: Attempt, dataset: Dataset, train: Rows, validation: Rows) -> TrainingData:
    request = attempt.assignment.request
    return training_data(
        dataset,
        train,
        validation,
        task=request.data.trained_for,
        scale=request.data.scale,
        params=attempt.settings_of_training,
    )


def _train(
    attempt: Attempt,
    data: TrainingData,
    plan: TrainingPlan,
    seed: int,
    start: Checkpoint | None,
    offer: OfferCheckpoint,
) -> TrainedModel:
    family = family_of(attempt.settings, attempt.assignment.request.model, data.shape)
    return training_of(family)(
        family,
        attempt.settings_of_training,
        data.parts,
        plan,
        seed,
        attempt.reports.add,
        start=start,
        offer=offer,
    )


def _save(trained: TrainedModel, data: TrainingData, path: Path) -> str:
    """Write the `.keras` file whole; its SHA-256."""
    with written_whole(path) as temporary:
        save_model(trained, data.shape, data.prepared.description, temporary)
        return sha256_of(temporary)
