"""Rows of trials: placed under a lease, written to by the one attempt that holds it.

A trial is placed with an attempt number and a fencing token. Every later write names the token;
one that matches no row means that another attempt owns the trial (LeaseLost). A repeat of a
retraining is a trial row too, so that placing, leasing and retrying are written once.
"""

import math
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, select, update

from kerasearch.service.errors import LeaseLost, NotFound
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store import events
from kerasearch.service.store.database import now
from kerasearch.service.store.tables import attempts, jobs, reports, trials
from kerasearch.service.trials import Attempt, BestTrial, Params, Trial, TrialState

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


@dataclass(frozen=True)
class TrialRow:
    """What the scheduler works with: a trial or repeat without its curves.

    Attributes:
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
    reason: str | None
    beats: int
    epochs: int
    lease: Lease | None


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
        _tell(tx, row)
    return int(row.id)


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
    _tell(tx, placed)
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
    _end_attempt(tx, row, outcome.state, outcome.reason)
    if outcome.state is TrialState.COMPLETE and row.retraining_id is None:
        _take_best(tx, row)
    _tell(tx, row)


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


def cancel_trials(tx: Connection, chosen: ColumnElement[bool], reason: str) -> None:
    """End those of the chosen trials that haven't ended; their processes lose their leases."""
    unended = trials.c.state.in_([TrialState.QUEUED, TrialState.RUNNING])
    for row in tx.execute(
        update(trials)
        .where(chosen, unended)
        .values(state=TrialState.CANCELLED, reason=reason, token=None, ended_at=now())
        .returning(trials)
    ).all():
        _end_attempt(tx, row, TrialState.CANCELLED, reason)
        _tell(tx, row)


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
        _tell(tx, row)
    return bool(retried)


def count_trials(tx: Connection, job_id: str) -> int:
    """Of the job's search: the number of the next one."""
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
    return _rows(tx, chosen)


def unended_rows(tx: Connection) -> list[TrialRow]:
    """Every queued or running trial and repeat, oldest first."""
    return _rows(tx, trials.c.state.in_([TrialState.QUEUED, TrialState.RUNNING]))


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


def read_trial(tx: Connection, job_id: str, number: int) -> Trial:
    """Raises NotFound."""
    found = list_trials(tx, job_id, None, 1, number - 1)
    if not found or found[0].number != number:
        raise NotFound(f"job {job_id} has no trial {number}")
    return found[0]


def read_trial_row(tx: Connection, trial_id: int) -> Trial:
    """Raises NotFound."""
    found = _views(tx, select(trials).where(trials.c.id == trial_id))
    if not found:
        raise NotFound(f"no trial row {trial_id}")
    return found[0]


def list_trials(
    tx: Connection,
    job_id: str,
    state: TrialState | None,
    limit: int | None,
    after: int | None,
    *,
    curves: bool = True,
) -> list[Trial]:
    """By number, those above `after`; at most `limit`, None for all."""
    chosen = select(trials).where(trials.c.job_id == job_id, trials.c.retraining_id.is_(None))
    if state is not None:
        chosen = chosen.where(trials.c.state == state)
    if after is not None:
        chosen = chosen.where(trials.c.number > after)
    return _views(tx, chosen.order_by(trials.c.number).limit(limit), with_curves=curves)


def best_of(tx: Connection, trial_id: int | None) -> BestTrial | None:
    row = tx.execute(select(trials).where(trials.c.id == trial_id)).one_or_none()
    if row is None:
        return None
    return BestTrial(
        number=row.number,
        params=row.params,
        value=row.value,
        metrics=row.metrics,
        best_epoch=row.best_epoch,
        run_id=row.run_id,
        model_sha256=row.model_sha256,
    )


def best_attempt(tx: Connection, job_id: str) -> tuple[int, int, str]:
    """Number, attempt and model's SHA-256 of the best trial so far.

    Raises:
        NotFound: No such job, or none of its trials has completed.
    """
    row = tx.execute(
        select(trials.c.number, trials.c.attempt, trials.c.model_sha256)
        .join(jobs, jobs.c.best_trial_id == trials.c.id)
        .where(jobs.c.id == job_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"job {job_id!r} has no best model: no trial of it has completed yet")
    return row.number, row.attempt, row.model_sha256


def set_trial_run(tx: Connection, trial_id: int, run_id: str) -> None:
    tx.execute(update(trials).where(trials.c.id == trial_id).values(run_id=run_id))


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
    _end_attempt(tx, row, outcome, reason)
    _tell(tx, row)


def _end_attempt(tx: Connection, row: Row[Any], outcome: str, reason: str | None) -> None:
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


def _tell(tx: Connection, row: Row[Any]) -> None:
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


def _rows(tx: Connection, chosen: ColumnElement[bool]) -> list[TrialRow]:
    epochs = (
        select(func.max(reports.c.epoch))
        .where(reports.c.trial_id == trials.c.id, reports.c.attempt == trials.c.attempt)
        .scalar_subquery()
    )
    found = tx.execute(select(trials, epochs.label("epochs")).where(chosen).order_by(trials.c.id))
    return [
        TrialRow(
            id=row.id,
            job_id=row.job_id,
            retraining_id=row.retraining_id,
            number=row.number,
            state=TrialState(row.state),
            params=row.params,
            value=row.value,
            reason=row.reason,
            beats=row.beats,
            epochs=row.epochs or 0,
            lease=None if row.token is None else Lease(row.id, row.attempt, row.token),
        )
        for row in found
    ]


def _views(
    tx: Connection,
    rows_chosen: Select[Any],  # Any: SQLAlchemy's type of columns
    *,
    with_curves: bool = True,
) -> list[Trial]:
    rows = tx.execute(rows_chosen).all()
    # A query inside the others: a list of ids could be longer than SQLite takes.
    ids = rows_chosen.with_only_columns(trials.c.id)
    tried: dict[int, list[Attempt]] = {row.id: [] for row in rows}
    chosen = select(attempts).where(attempts.c.trial_id.in_(ids)).order_by(attempts.c.number)
    for row in tx.execute(chosen):
        tried[row.trial_id].append(
            Attempt(
                number=row.number,
                started_at=datetime.fromtimestamp(row.started_at, UTC),
                ended_at=None
                if row.ended_at is None
                else datetime.fromtimestamp(row.ended_at, UTC),
                outcome=row.outcome,
                reason=row.reason,
                device=row.device,
                pid=row.pid,
            )
        )
    curves: dict[int, dict[str, list[float | None]]] = {row.id: {} for row in rows}
    reported = (
        select(reports.c.trial_id, reports.c.metrics)
        .join(
            trials,
            and_(trials.c.id == reports.c.trial_id, trials.c.attempt == reports.c.attempt),
        )
        .where(reports.c.trial_id.in_(ids))
        .order_by(reports.c.trial_id, reports.c.epoch)
    )
    for row in tx.execute(reported) if with_curves else ():
        for name, value in row.metrics.items():
            curves[row.trial_id].setdefault(name, []).append(value)
    objective = _objectives(tx, {row.job_id for row in rows})
    return [
        Trial(
            number=row.number,
            state=TrialState(row.state),
            params=row.params,
            value=row.value,
            values=curves[row.id].get(objective[row.job_id], []),
            curves=curves[row.id],
            metrics=row.metrics or {},
            best_epoch=row.best_epoch,
            seed=row.seed,
            duration_s=None if row.ended_at is None else _lasted(row),
            attempts=tried[row.id],
            reason=row.reason,
            run_id=row.run_id,
            device=row.device,
            model_sha256=row.model_sha256,
        )
        for row in rows
    ]


def _lasted(row: Row[Any]) -> float | None:
    return None if row.started_at is None else float(row.ended_at - row.started_at)


def _objectives(tx: Connection, job_ids: set[str]) -> dict[str, str]:
    chosen = select(jobs.c.id, jobs.c.request).where(jobs.c.id.in_(job_ids))
    return {row.id: row.request["objective"]["metric"] for row in tx.execute(chosen)}
