"""Rungs: where successive halving decides which trials go on.

Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter
Tuning", algorithm 2): of those that have reached a rung, the best `1 / eta` are promoted. A trial
that isn't waits there as pruned, until another that comes makes room for it; then it is queued, to
go on from its checkpoint. Each arrival is one transaction of the trial's own process, so the state
of the database decides, whoever is restarted.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, func, insert, select, update

from kerasearch.service.jobs import JobState
from kerasearch.service.store.database import now
from kerasearch.service.store.events import append_trial
from kerasearch.service.store.tables import jobs, rungs, trials
from kerasearch.service.trials import TrialState


@dataclass(frozen=True)
class Rung:
    """A rung of a job: trials of a bracket compete after an epoch."""

    job_id: str
    bracket: int
    epoch: int


def arrive(tx: Connection, rung: Rung, trial_id: int, cost: float, eta: int) -> bool:
    """Note what a trial came to at a rung; whether it goes on at once.

    One that comes again, since its process was lost, finds what was decided.
    """
    if (promoted := is_promoted(tx, trial_id, rung.epoch)) is not None:
        return promoted
    tx.execute(insert(rungs).values(trial_id=trial_id, cost=cost, **asdict(rung)))
    here = and_(
        rungs.c.job_id == rung.job_id,
        rungs.c.bracket == rung.bracket,
        rungs.c.epoch == rung.epoch,
    )
    count = tx.execute(select(func.count()).where(here)).scalar_one()
    best = (
        select(rungs.c.trial_id)
        .where(here)
        .order_by(rungs.c.cost, rungs.c.trial_id)
        .limit(count // eta)
    )
    room = and_(here, ~rungs.c.promoted, rungs.c.trial_id.in_(best))
    state = tx.execute(select(jobs.c.state).where(jobs.c.id == rung.job_id)).scalar_one()
    if state == JobState.STOPPING:
        room &= rungs.c.trial_id == trial_id  # what runs finishes, and nothing begins
    found = tx.execute(update(rungs).where(room).values(promoted=True).returning(rungs.c.trial_id))
    promoted_ids = set(found.scalars())
    for other in promoted_ids - {trial_id}:
        queue_again(tx, other)
    return trial_id in promoted_ids


def is_promoted(tx: Connection, trial_id: int, epoch: int) -> bool | None:
    """Whether a trial may go on from a rung; None before it has reached it."""
    chosen = select(rungs.c.promoted).where(rungs.c.trial_id == trial_id, rungs.c.epoch == epoch)
    return tx.execute(chosen).scalar_one_or_none()


def queue_again(tx: Connection, trial_id: int) -> None:
    """Have a trial that waits at a rung go on; one that is still on its way there does anyway."""
    row = tx.execute(
        update(trials)
        .where(trials.c.id == trial_id, trials.c.state == TrialState.PRUNED)
        .values(state=TrialState.QUEUED, reason=None, ended_at=None)
        .returning(trials)
    ).one_or_none()
    if row is not None:
        append_trial(tx, row)


def leave_waiting(tx: Connection, job_id: str, reason: str) -> None:
    """Nothing begins any more: queued trials that were to go on stay pruned, as they were."""
    rows = tx.execute(
        update(trials)
        .where(
            trials.c.job_id == job_id,
            trials.c.state == TrialState.QUEUED,
            trials.c.value.is_not(None),
        )
        .values(state=TrialState.PRUNED, reason=reason, ended_at=now())
        .returning(trials)
    ).all()
    for row in rows:
        wait_again(tx, row.id)
        append_trial(tx, row)


def wait_again(tx: Connection, trial_id: int) -> None:
    """Take back a trial's last promotion, which it didn't come to use."""
    last = select(func.max(rungs.c.epoch)).where(rungs.c.trial_id == trial_id).scalar_subquery()
    at_rung = and_(rungs.c.trial_id == trial_id, rungs.c.epoch == last)
    tx.execute(update(rungs).where(at_rung).values(promoted=False))
