"""What happened, in order: appended with the change, read by event streams and the mirror."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, case, func, insert, select, update

from kerasearch.service.store.database import now
from kerasearch.service.store.tables import outbox

Kind = Literal["job", "trial", "report", "retraining"]


@dataclass(frozen=True)
class Event:
    """One thing that happened to a job.

    Attributes:
        id: Grows with time; never used again.
        subject: Row of the trial, or id of the retraining; None for the job itself.
        data: What a reader of the stream is told.
    """

    id: int
    job_id: str
    kind: Kind
    subject: str | None
    data: dict[str, Any]  # JSON


def append(
    tx: Connection, job_id: str, kind: Kind, data: dict[str, Any], subject: str | int | None = None
) -> None:
    tx.execute(
        insert(outbox).values(
            job_id=job_id,
            kind=kind,
            subject=None if subject is None else str(subject),
            data=data,
            at=now(),
        )
    )


def append_trial(tx: Connection, row: Row[Any]) -> None:
    """The trial is in another state now, or it is new."""
    said = {
        "number": row.number,
        "retraining": row.retraining_id,
        "state": row.state,
        "params": row.params,
        "value": row.value,
        "attempt": row.attempt,
        "reason": row.reason,
    }
    append(tx, row.job_id, "trial", said, row.id)


def events_after(tx: Connection, job_id: str, last_id: int, limit: int = 500) -> list[Event]:
    chosen = (
        select(outbox)
        .where(outbox.c.job_id == job_id, outbox.c.id > last_id)
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return _events(tx, chosen)


def latest(tx: Connection) -> int:
    """Id of the last thing that happened; 0 when nothing has."""
    return tx.execute(select(func.max(outbox.c.id))).scalar() or 0


def news(tx: Connection, last_id: int | None) -> tuple[int, bool]:
    """Id of the last thing that happened, and whether anything since was more than an epoch.

    To who knows of nothing yet, everything is.
    """
    if last_id is None:
        return latest(tx), True
    more = func.max(case((outbox.c.kind != "report", 1), else_=0))
    since = select(func.max(outbox.c.id), more).where(outbox.c.id > last_id)
    latest_id, is_more = tx.execute(since).one()
    return (last_id, False) if latest_id is None else (latest_id, bool(is_more))


def to_mirror(tx: Connection, limit: int = 1000) -> list[Event]:
    """The oldest events that MLflow doesn't show yet."""
    chosen = select(outbox).where(~outbox.c.mirrored).order_by(outbox.c.id).limit(limit)
    return _events(tx, chosen)


def jobs_to_mirror_after(tx: Connection, last_id: int) -> set[str]:
    """Jobs of which something happened after this event that MLflow doesn't show yet."""
    chosen = select(outbox.c.job_id).where(~outbox.c.mirrored, outbox.c.id > last_id).distinct()
    return set(tx.execute(chosen).scalars())


def mark_mirrored(tx: Connection, ids: Sequence[int]) -> None:
    tx.execute(update(outbox).where(outbox.c.id.in_(ids)).values(mirrored=True))


def _events(tx: Connection, chosen: Any) -> list[Event]:  # Any: SQLAlchemy's Select[...]
    return [
        Event(id=row.id, job_id=row.job_id, kind=row.kind, subject=row.subject, data=row.data)
        for row in tx.execute(chosen)
    ]
