"""Rows of deleted jobs: what is left of one until its files and MLflow runs are gone too."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from kerasearch.service.mlflow_pages import RunLink
from kerasearch.service.store.database import now
from kerasearch.service.store.tables import deletions

LETTING_GO_S = 5.0
"""Until processes that trained for a deleted job have ended, and write no more files."""


@dataclass(frozen=True)
class Deletion:
    """A job that was deleted, and its run in MLflow, if it had one."""

    job_id: str
    link: RunLink | None


def add_deletion(tx: Connection, job_id: str, link: RunLink | None) -> None:
    values = {"job_id": job_id, "at": now()}
    if link is not None:
        values |= {"experiment_id": link.experiment_id, "run_id": link.run_id}
    tx.execute(insert(deletions).values(values))


def set_link(tx: Connection, job_id: str, link: RunLink) -> None:
    """The job was deleted while its run was made."""
    values = {"experiment_id": link.experiment_id, "run_id": link.run_id}
    tx.execute(update(deletions).where(deletions.c.job_id == job_id).values(values))


def due_deletions(tx: Connection) -> list[Deletion]:
    """Oldest first."""
    due = select(deletions).where(deletions.c.at <= now() - LETTING_GO_S)
    return [
        Deletion(row.job_id, None if row.run_id is None else RunLink(row.experiment_id, row.run_id))
        for row in tx.execute(due.order_by(deletions.c.at))
    ]


def finish_deletion(tx: Connection, job_id: str) -> None:
    tx.execute(delete(deletions).where(deletions.c.job_id == job_id))
