"""Rows of trials: added, counted, cancelled, tried again, and read by whom schedules them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, select, update

from kerasearch.service.jobs import Objective
from kerasearch.service.store import rungs
from kerasearch.service.store.database import now
from kerasearch.service.store.events import append_trial
from kerasearch.service.store.leases import Lease, end_attempt
from kerasearch.service.store.tables import attempts, reports, trials
from kerasearch.service.trials import Params, TrialState


@dataclass(frozen=True)
class TrialRow:
    """What the scheduler works with: a trial or repeat without its curves.

    Attributes:
        metrics: At the best epoch of one that ended.
        epochs: Reported by the attempt that runs, or by the last one.
        lease: Of the attempt that runs; None when none does.
    """

    id: int
    job_id: str
    retraining_id: str | None
    number: int
    state: TrialState
    params: Params
    value: float | None
    metrics: dict[str, float]
    reason: str | None
    beats: int
    epochs: int
    lease: Lease | None

    def values(self, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
        """Of each objective; None unless it is complete."""
        if self.state is not TrialState.COMPLETE or self.value is None:
            return None
        return self.value, *(self.metrics[objective.metric] for objective in objectives[1:])


@dataclass(frozen=True)
class RepeatRow:
    """A retraining's repeat.

    Attributes:
        result: Its evaluations: `classes`, `confusion`, `class_errors`; empty unless complete.
    """

    id: int
    number: int
    state: TrialState
    seed: int
    best_epoch: int | None
    metrics: dict[str, float]
    result: dict[str, Any]  # JSON
    reason: str | None
    model_sha256: str | None


def add_trial(
    tx: Connection,
    job_id: str,
    number: int,
    params: Params,
    seed: int,
    retraining_id: str | None = None,
    *,
    told: bool = False,
) -> int:
    """A new queued trial; its row's id. It is `told` of where it isn't placed at once."""
    row = tx.execute(
        insert(trials)
        .values(
            job_id=job_id,
            retraining_id=retraining_id,
            number=number,
            state=TrialState.QUEUED,
            params=params,
            seed=seed,
            created_at=now(),
        )
        .returning(trials)
    ).one()
    if told:
        append_trial(tx, row)
    return int(row.id)


def cancel_trials(tx: Connection, chosen: ColumnElement[bool], reason: str) -> None:
    """End those of the chosen trials that haven't ended; their processes lose their leases."""
    unended = trials.c.state.in_([TrialState.QUEUED, TrialState.RUNNING])
    for row in tx.execute(
        update(trials)
        .where(chosen, unended)
        .values(
            # One that was to go on from a rung is again what it was.
            state=case(
                (trials.c.value.is_not(None), TrialState.PRUNED), else_=TrialState.CANCELLED
            ),
            reason=reason,
            token=None,
            ended_at=now(),
        )
        .returning(trials)
    ).all():
        if row.state == TrialState.PRUNED:
            rungs.wait_again(tx, row.id)
        end_attempt(tx, row, row.state, reason)
        append_trial(tx, row)


def retry_trials(tx: Connection, chosen: ColumnElement[bool]) -> bool:
    """Queue those of the chosen trials that failed, with all attempts before them again.

    Returns:
        Whether there were any.
    """
    retried = tx.execute(
        update(trials)
        .where(chosen, trials.c.state == TrialState.FAILED)
        .values(state=TrialState.QUEUED, reason=None, ended_at=None)
        .returning(trials)
    ).all()
    for row in retried:
        # An attempt that was lost counts against the trial; one that is over and done doesn't.
        tx.execute(
            update(attempts).where(attempts.c.trial_id == row.id).values(outcome=TrialState.FAILED)
        )
        append_trial(tx, row)
    return bool(retried)


def count_trials(tx: Connection, job_id: str) -> int:
    """Of the job's search."""
    chosen = select(func.count()).where(trials.c.job_id == job_id, trials.c.retraining_id.is_(None))
    return tx.execute(chosen).scalar_one()


def has_unended(tx: Connection, job_id: str) -> bool:
    """Whether a trial of the job's search is queued or runs."""
    chosen = select(trials.c.id).where(
        trials.c.job_id == job_id,
        trials.c.retraining_id.is_(None),
        trials.c.state.in_([TrialState.QUEUED, TrialState.RUNNING]),
    )
    return tx.execute(chosen.limit(1)).first() is not None


def rows_of_job(
    tx: Connection, job_id: str, numbers: Collection[int] | None = None
) -> list[TrialRow]:
    """Trials of the job's search, all or those of these numbers, by number."""
    chosen = and_(trials.c.job_id == job_id, trials.c.retraining_id.is_(None))
    if numbers is not None:
        chosen = and_(chosen, trials.c.number.in_(numbers))
    return _rows(tx, chosen, trials.c.number)


def unended_rows(tx: Connection) -> list[TrialRow]:
    """Every queued or running trial and repeat, oldest first."""
    return _rows(tx, trials.c.state.in_([TrialState.QUEUED, TrialState.RUNNING]), trials.c.id)


def repeats_of(tx: Connection, retraining_id: str) -> list[RepeatRow]:
    """Repeats of a retraining, by number."""
    chosen = select(trials).where(trials.c.retraining_id == retraining_id)
    return [
        RepeatRow(
            id=row.id,
            number=row.number,
            state=TrialState(row.state),
            seed=row.seed,
            best_epoch=row.best_epoch,
            metrics=row.metrics or {},
            result=row.result or {},
            reason=row.reason,
            model_sha256=row.model_sha256,
        )
        for row in tx.execute(chosen.order_by(trials.c.number))
    ]


def set_trial_run(tx: Connection, trial_id: int, run_id: str) -> None:
    tx.execute(update(trials).where(trials.c.id == trial_id).values(run_id=run_id))


def _rows(tx: Connection, chosen: ColumnElement[bool], order: ColumnElement[int]) -> list[TrialRow]:
    epochs = (
        select(func.max(reports.c.epoch))
        .where(reports.c.trial_id == trials.c.id, reports.c.attempt == trials.c.attempt)
        .scalar_subquery()
    )
    found = tx.execute(select(trials, epochs.label("epochs")).where(chosen).order_by(order))
    return [
        TrialRow(
            id=row.id,
            job_id=row.job_id,
            retraining_id=row.retraining_id,
            number=row.number,
            state=TrialState(row.state),
            params=row.params,
            value=row.value,
            metrics=row.metrics or {},
            reason=row.reason,
            beats=row.beats,
            epochs=row.epochs or 0,
            lease=None if row.token is None else Lease(row.id, row.attempt, row.token),
        )
        for row in found
    ]
