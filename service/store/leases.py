"""Leases: the right of one attempt to write to its trial.

A trial is placed with an attempt number and a fencing token. Every later write names the token;
one that matches no row means that another attempt owns the trial (LeaseLost). A repeat of a
retraining is a trial row too, so that placing, leasing and retrying are written once.
"""

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from kerasearch.service.errors import LeaseLost
from kerasearch.service.jobs import JobRequest
from kerasearch.service.sampling.pruners import PickedPruner
from kerasearch.service.store import events
from kerasearch.service.store.best import take_best
from kerasearch.service.store.database import now
from kerasearch.service.store.rungs import Rung, arrive, is_promoted, queue_again
from kerasearch.service.store.tables import attempts, jobs, reports, trials
from kerasearch.service.trials import LAST_NUMBER, Params, Training, TrialState

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


EndLease = Callable[[Connection, Lease, str], None]
"""What ends a lease for a reason: `lose`, `refuse`, `hang`, `cut` or `put_back`."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """The file that a trial goes on from.

    Attributes:
        epoch: The last one in it.
        spent_s: That the trial had taken until then.
    """

    attempt: int
    epoch: int
    sha256: str
    spent_s: float = 0.0


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
    pruner: PickedPruner
    dataset_id: str
    checkpoint: StoredCheckpoint | None

    @property
    def spent_s(self) -> float:
        """That earlier attempts took for what this one goes on from."""
        return 0.0 if self.checkpoint is None else self.checkpoint.spent_s


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended by its own account.

    Attributes:
        state: COMPLETE, PRUNED, INFEASIBLE, or FAILED where no other attempt would fare better.
        value: The objective at the best epoch.
        metrics: Every metric at the best epoch.
        result: Evaluations of a retraining's repeat.
        rung: Epoch of the rung that a pruned trial waits at, to be promoted from.
        trainings: Of a trial of several; their mean is the value.
        path: What ran the epochs, and why that.
        memory_mib: Of its device, at its peak.
    """

    state: TrialState
    reason: str | None = None
    value: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float] | None = None
    result: Mapping[str, object] | None = None
    model_sha256: str | None = None
    rung: int | None = None
    std_error: float | None = None
    trainings: Sequence[Training] | None = None
    path: str | None = None
    path_reason: str | None = None
    memory_mib: float | None = None
    warnings: Sequence[str] = ()


def place(tx: Connection, trial_id: int) -> Lease | None:
    """Start the next attempt of a queued trial; None when it is no longer queued.

    What it goes on from is its own from now on, the reports of those epochs too.
    """
    token = secrets.token_hex(8)
    placed = tx.execute(
        update(trials)
        .where(trials.c.id == trial_id, trials.c.state == TrialState.QUEUED)
        .values(
            state=TrialState.RUNNING,
            attempt=trials.c.attempt + 1,
            token=token,
            verdict=None,
            started_at=now(),
        )
        .returning(trials)
    ).one_or_none()
    if placed is None:
        return None
    if placed.checkpoint is not None:
        tx.execute(
            update(reports)
            .where(
                reports.c.trial_id == trial_id,
                reports.c.attempt == placed.attempt - 1,
                reports.c.epoch <= placed.checkpoint["epoch"],
            )
            .values(attempt=placed.attempt)
        )
    tx.execute(
        insert(attempts).values(
            trial_id=trial_id, number=placed.attempt, token=token, started_at=now()
        )
    )
    events.append_trial(tx, placed)
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
        select(trials, jobs.c.request, jobs.c.dataset_id, jobs.c.pruner)
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
        pruner=PickedPruner.model_validate(row.pruner or {}),
        dataset_id=row.dataset_id,
        checkpoint=None if row.checkpoint is None else StoredCheckpoint(**row.checkpoint),
    )


def beat(tx: Connection, lease: Lease) -> None:
    """A sign of life; raises LeaseLost."""
    _write(tx, lease, beats=trials.c.beats + 1)


def report(
    tx: Connection,
    lease: Lease,
    epochs: Mapping[int, Mapping[str, float]],
    training: int = 0,
) -> str | None:
    """Record metrics of epochs of the attempt, which are counted on from training to training.

    Returns:
        Why the trial is to end now, where a pruner has decided that.

    Raises:
        LeaseLost: The trial was taken.
    """
    row = _write(tx, lease, beats=trials.c.beats + 1)
    for epoch, metrics in epochs.items():
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        tx.execute(
            insert(reports).values(
                trial_id=lease.trial_id,
                attempt=lease.attempt,
                epoch=epoch,
                training=training,
                metrics=finite,
                at=now(),
            )
        )
        said = {"number": row.number, "retraining": row.retraining_id, "epoch": epoch, **finite}
        events.append(tx, row.job_id, "report", said, lease.trial_id)
    verdict: str | None = row.verdict
    return verdict


def reach_rung(tx: Connection, lease: Lease, rung: Rung, eta: int) -> bool:
    """Whether the trial goes on from a rung; its reports until there are written."""
    job = tx.execute(select(jobs.c.request).where(jobs.c.id == rung.job_id)).one()
    request = JobRequest.model_validate(job.request)
    metric, sign = request.objectives[0].metric, _sign(request)
    reported = [row.metrics.get(metric) for row in _reported(tx, lease, rung.epoch)]
    costs = [sign * value for value in reported if value is not None]
    if not costs:  # a plugin's `fit` hasn't told it yet
        return True
    return arrive(tx, rung, lease.trial_id, min(costs), eta)


def prune(tx: Connection, lease: Lease, reason: str) -> None:
    """Have the trial's process end it with its next report, unless it is no longer its own."""
    with suppress(LeaseLost):
        _write(tx, lease, verdict=reason)


def note_checkpoint(tx: Connection, lease: Lease, checkpoint: StoredCheckpoint | None) -> None:
    """What the next attempt goes on from; None has it begin anew. Raises LeaseLost."""
    _write(tx, lease, checkpoint=None if checkpoint is None else asdict(checkpoint))


def begin_anew(tx: Connection, lease: Lease) -> None:
    """The checkpoint can't be read: the trial has trained no epoch yet. Raises LeaseLost."""
    note_checkpoint(tx, lease, None)
    own = and_(reports.c.trial_id == lease.trial_id, reports.c.attempt == lease.attempt)
    tx.execute(delete(reports).where(own))


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
        std_error=outcome.std_error,
        trainings=[training.model_dump() for training in outcome.trainings or ()] or None,
        path=outcome.path,
        path_reason=outcome.path_reason,
        memory_mib=outcome.memory_mib,
        warnings=list(outcome.warnings) or None,
        ended_at=now(),
        token=None,
    )
    end_attempt(tx, row, outcome.state, outcome.reason)
    if row.retraining_id is None:
        take_best(tx, row)
    events.append_trial(tx, row)
    if outcome.rung is not None and is_promoted(tx, row.id, outcome.rung):
        queue_again(tx, row.id)  # another trial made room for it while it was on its way here


def lose(tx: Connection, lease: Lease, reason: str) -> None:
    """The attempt's process or machine failed it: run the trial again, or give it up.

    Does nothing when the lease is no longer the trial's.
    """
    _retry(tx, lease, "lost", reason, MAX_ATTEMPTS)


def refuse(tx: Connection, lease: Lease, reason: str) -> None:
    """The trial's params ask for more than there is, and would again: it is infeasible.

    Does nothing when the lease is no longer the trial's.
    """
    with suppress(LeaseLost):
        finish(tx, lease, Outcome(TrialState.INFEASIBLE, reason))


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
    job = tx.execute(
        select(jobs.c.request)
        .join(trials, trials.c.job_id == jobs.c.id)
        .where(trials.c.id == lease.trial_id)
    ).one_or_none()
    if job is None:
        return
    request = JobRequest.model_validate(job.request)
    metric, sign = request.objectives[0].metric, _sign(request)
    reported = [row for row in _reported(tx, lease) if row.metrics.get(metric) is not None]
    outcome = Outcome(TrialState.INFEASIBLE, reason)
    if reported:
        best = min(reported, key=lambda row: sign * row.metrics[metric])
        outcome = Outcome(TrialState.PRUNED, reason, best.metrics[metric], best.epoch, best.metrics)
    with suppress(LeaseLost):
        finish(tx, lease, outcome)


def _reported(tx: Connection, lease: Lease, last: int = LAST_NUMBER) -> list[Row[Any]]:
    """The attempt's reports until that epoch, in order."""
    chosen = select(reports).where(
        reports.c.trial_id == lease.trial_id,
        reports.c.attempt == lease.attempt,
        reports.c.epoch <= last,
    )
    return list(tx.execute(chosen.order_by(reports.c.epoch)))


def _sign(request: JobRequest) -> int:
    """That makes less better."""
    return -1 if request.directions[0] == "maximize" else 1


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
    events.append_trial(tx, row)


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
