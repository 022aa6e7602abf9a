"""Values of a job's objective epoch by epoch, for who compares trials while they run."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select

from kerasearch.service.store.leases import Lease
from kerasearch.service.store.tables import reports, trials
from kerasearch.service.trials import TrialState


class EpochValue(NamedTuple):
    """Of an epoch, counted on from training to training."""

    training: int
    epoch: int
    value: float


def values_after(tx: Connection, lease: Lease, metric: str, epoch: int) -> list[EpochValue]:
    """Of the epochs after this one that an attempt has reported, in order."""
    chosen = and_(
        reports.c.trial_id == lease.trial_id,
        reports.c.attempt == lease.attempt,
        reports.c.epoch > epoch,
    )
    return [value for _, value in _values(tx, chosen, metric)]


def values_of(tx: Connection, trial_id: int, metric: str) -> list[EpochValue]:
    """Of a trial's last attempt."""
    return [value for _, value in _values(tx, trials.c.id == trial_id, metric)]


def values_of_complete(tx: Connection, job_id: str, metric: str) -> list[list[EpochValue]]:
    """Of each complete trial of the job's search, by number."""
    chosen = and_(
        trials.c.job_id == job_id,
        trials.c.retraining_id.is_(None),
        trials.c.state == TrialState.COMPLETE,
    )
    found: dict[int, list[EpochValue]] = defaultdict(list)
    for number, value in _values(tx, chosen, metric):
        found[number].append(value)
    return list(found.values())


def _values(
    tx: Connection, chosen: ColumnElement[bool], metric: str
) -> Iterator[tuple[int, EpochValue]]:
    own = and_(trials.c.id == reports.c.trial_id, trials.c.attempt == reports.c.attempt)
    rows = tx.execute(
        select(trials.c.number, reports.c.training, reports.c.epoch, reports.c.metrics)
        .join(trials, own)
        .where(chosen)
        .order_by(trials.c.number, reports.c.epoch)
    )
    for row in rows:
        if (value := row.metrics.get(metric)) is not None:
            yield row.number, EpochValue(row.training, row.epoch, value)
