"""Leases: the right of one attempt to write to its trial.

A trial is placed with an attempt number and a fencing token. Every later write names the token;
one that matches no row means that another attempt owns the trial (LeaseLost). A repeat of a
retraining is a trial row too, so that placing, leasing and retrying are written once.
"""

import math
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from kerasearch.service.errors import LeaseLost
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store import events
from kerasearch.service.store.database import now
from kerasearch.service.store.tables import attempts, jobs, reports, trials
from kerasearch.service.trials import Params, TrialState

MAX_ATTEMPTS = 3
"""Of one trial, that its process or machine may fail."""

MAX_HANGS = 2
"""Of one trial, since each costs its slot for long; the second ends it."""


@dataclass(frozen=True)
class Lease:
    """The right to run one attempt of a trial; this alone travels to its process."""

    trial_id: int
    attempt: int
    token: str


@dataclass(frozen=True)
class Assignment:
    """What an attempt needs to know, read by its process under its lease."""

    trial_id: int
    job_id: str
    retraining_id: str | None
    number: int
    params: Params
    seed: int
    request: JobRequest
    dataset_id: str


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended by its own account.

    Attributes:
        state: COMPLETE, PRUNED, INFEASIBLE, or FAILED where no other attempt would fare better.
        value: The objective at the best epoch.
        metrics: Every metric at the best epoch.
        result: Evaluations of a retraining's repeat.
    """

    state: TrialState
    reason: str | None = None
    value: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float] | None = None
    result: Mapping[str, object] | None = None
    model_sha256: str | None = None


def place(tx: Connection, trial_id: int) -> Lease | None:
    """Start the next attempt of a queued trial; None when it is no longer queued."""
    token = secrets.token_hex(8)
    placed = tx.execute(
        update(trials)
        .where(trials.c.id == trial_id, trials.c.state == TrialState.QUEUED)
        .values(
            state=TrialState.RUNNING,
            attempt=trials.c.attempt + 1,
            token=token,
            started_at=now(),
        )
        .returning(trials)
    ).one_or_none()
    if placed is None:
        return None
    tx.execute(
        insert(attempts).values(
            trial_id=trial_id, number=placed.attempt, token=token, started_at=now()
        )
    )
    tell(tx, placed)
    return Lease(trial_id, placed.attempt, token)


def begin(tx: Connection, lease: Lease, pid: int, device: str) -> Assignment:
    """What the trial process calls first.

    Raises:
        LeaseLost: The trial was cancelled or given to another attempt meanwhile.
    """
    _write(tx, lease, device=device)
    tx.execute(
        update(attempts)
        .where(attempts.c.trial_id == lease.trial_id, attempts.c.number == lease.attempt)
        .values(pid=pid, device=device)
    )
    row = tx.execute(
        select(trials, jobs.c.request, jobs.c.dataset_id)
        .join(jobs, jobs.c.id == trials.c.job_id)
        .where(trials.c.id == lease.trial_id)
    ).one()
    return Assignment(
        trial_id=row.id,
        job_id=row.job_id,
        retraining_id=row.retraining_id,
        number=row.number,
        params=row.params,
        seed=row.seed,
        request=JobRequest.model_validate(row.request),
        dataset_id=row.dataset_id,
    )


def beat(tx: Connection, lease: Lease) -> None:
    """A sign of life; raises LeaseLost."""
    _write(tx, lease, beats=trials.c.beats + 1)


def report(tx: Connection, lease: Lease, epochs: Mapping[int, Mapping[str, float]]) -> None:
    """Record metrics of epochs (from 1) of the attempt; raises LeaseLost."""
    row = _write(tx, lease, beats=trials.c.beats + 1)
    for epoch, metrics in epochs.items():
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        tx.execute(
            insert(reports).values(
                trial_id=lease.trial_id,
                attempt=lease.attempt,
                epoch=epoch,
                metrics=finite,
                at=now(),
            )
        )
        said = {"number": row.number, "retraining": row.retraining_id, "epoch": epoch, **finite}
        events.append(tx, row.job_id, "report", said, lease.trial_id)


def keeps_model(tx: Connection, job_id: str, value: float, *, maximize: bool) -> bool:
    """Whether a trial of this value may become the best, so that its model is worth its file."""
    best = tx.execute(select(jobs.c.best_value).where(jobs.c.id == job_id)).scalar_one()
    return best is None or (value >= best if maximize else value <= best)


def finish(tx: Connection, lease: Lease, outcome: Outcome) -> None:
    """End the trial with the attempt's own account of it; raises LeaseLost."""
    row = _write(
        tx,
        lease,
        state=outcome.state,
        reason=outcome.reason,
        value=outcome.value,
        best_epoch=outcome.best_epoch,
        metrics=outcome.metrics,
        result=outcome.result,
        model_sha256=outcome.model_sha256,
        ended_at=now(),
        token=None,
    )
    end_attempt(tx, row, outcome.state, outcome.reason)
    if outcome.state is TrialState.COMPLETE and row.retraining_id is None:
        _take_best(tx, row)
    tell(tx, row)


def lose(tx: Connection, lease: Lease, reason: str) -> None:
    """The attempt's process or machine failed it: run the trial again, or give it up.

    Does nothing when the lease is no longer the trial's.
    """
    _retry(tx, lease, "lost", reason, MAX_ATTEMPTS)


def hang(tx: Connection, lease: Lease, reason: str) -> None:
    """The attempt makes no progress: as `lose`, but once only."""
    _retry(tx, lease, "hung", reason, MAX_HANGS)


def _retry(tx: Connection, lease: Lease, outcome: str, reason: str, most: int) -> None:
    earlier = select(func.count()).where(
        attempts.c.trial_id == lease.trial_id, attempts.c.outcome.in_(["lost", "hung"])
    )
    tried = tx.execute(earlier).scalar_one() + 1
    failure = None if tried < most else f"{reason}, the last of {tried} attempts"
    _let_go(tx, lease, outcome, reason, failure)


def cut(tx: Connection, lease: Lease, reason: str) -> None:
    """End a trial that takes too long by what it has reported: pruned, or infeasible by nothing.

    Does nothing when the lease is no longer the trial's.
    """
    request = tx.execute(
        select(jobs.c.request)
        .join(trials, trials.c.job_id == jobs.c.id)
        .where(trials.c.id == lease.trial_id)
    ).scalar_one_or_none()
    if request is None:
        return
    metric, direction = request["objective"]["metric"], request["objective"]["direction"]
    reported = tx.execute(
        select(reports.c.epoch, reports.c.metrics)
        .where(reports.c.trial_id == lease.trial_id, reports.c.attempt == lease.attempt)
        .order_by(reports.c.epoch)
    ).all()
    sign = -1 if direction == "maximize" else 1
    valued = [report for report in reported if report.metrics.get(metric) is not None]
    outcome = Outcome(TrialState.INFEASIBLE, reason)
    if valued:
        best = min(valued, key=lambda report: sign * report.metrics[metric])
        outcome = Outcome(TrialState.PRUNED, reason, best.metrics[metric], best.epoch, best.metrics)
    with suppress(LeaseLost):
        finish(tx, lease, outcome)


def put_back(tx: Connection, lease: Lease, reason: str) -> None:
    """Run the trial again, however often: the attempt was ended by us, through no fault of its own.

    Does nothing when the lease is no longer the trial's.
    """
    _let_go(tx, lease, "stopped", reason, None)


def _write(tx: Connection, lease: Lease, **values: object) -> Row[Any]:
    row = tx.execute(
        update(trials)
        .where(trials.c.id == lease.trial_id, trials.c.token == lease.token)
        .values(**values)
        .returning(trials)
    ).one_or_none()
    if row is None:
        raise LeaseLost(f"attempt {lease.attempt} no longer owns trial row {lease.trial_id}")
    return row


def _let_go(tx: Connection, lease: Lease, outcome: str, reason: str, failure: str | None) -> None:
    """End the attempt, and the trial too when there is a failure."""
    try:
        row = _write(
            tx,
            lease,
            token=None,
            state=TrialState.QUEUED if failure is None else TrialState.FAILED,
            reason=failure,
            ended_at=None if failure is None else now(),
        )
    except LeaseLost:
        return
    end_attempt(tx, row, outcome, reason)
    tell(tx, row)


def end_attempt(tx: Connection, row: Row[Any], outcome: str, reason: str | None) -> None:
    tx.execute(
        update(attempts)
        .where(
            attempts.c.trial_id == row.id,
            attempts.c.number == row.attempt,
            attempts.c.ended_at.is_(None),
        )
        .values(ended_at=now(), outcome=outcome, reason=reason)
    )


def _take_best(tx: Connection, row: Row[Any]) -> None:
    """Among equals the earliest number is best, whichever finished first."""
    best = tx.execute(
        select(jobs.c.request, jobs.c.best_value, trials.c.number)
        .outerjoin(trials, trials.c.id == jobs.c.best_trial_id)
        .where(jobs.c.id == row.job_id)
    ).one()
    sign = -1 if best.request["objective"]["direction"] == "maximize" else 1
    if best.best_value is None or (sign * row.value, row.number) < (
        sign * best.best_value,
        best.number,
    ):
        tx.execute(
            update(jobs)
            .where(jobs.c.id == row.job_id)
            .values(best_trial_id=row.id, best_value=row.value)
        )


def tell(tx: Connection, row: Row[Any]) -> None:
    said = {
        "number": row.number,
        "retraining": row.retraining_id,
        "state": row.state,
        "params": row.params,
        "value": row.value,
        "attempt": row.attempt,
        "reason": row.reason,
    }
    events.append(tx, row.job_id, "trial", said, row.id)
