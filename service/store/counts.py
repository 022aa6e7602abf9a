"""How many there are of everything, for those who watch over the service."""

from typing import NamedTuple

from sqlalchemy import Column, Connection, Table, func, select

from kerasearch.service.store.tables import attempts, jobs, outbox, trials


class Counts(NamedTuple):
    """Rows; those of jobs and trials by state."""

    jobs: dict[str, int]
    trials: dict[str, int]
    attempts: int
    unmirrored: int


def count_all(tx: Connection) -> Counts:
    return Counts(
        jobs=_by(tx, jobs.c.state),
        trials=_by(tx, trials.c.state),
        attempts=_count(tx, attempts),
        unmirrored=tx.execute(
            select(func.count()).select_from(outbox).where(~outbox.c.mirrored)
        ).scalar_one(),
    )


def _by(tx: Connection, column: Column[str]) -> dict[str, int]:
    counted = tx.execute(select(column, func.count()).group_by(column))
    return {state: rows for state, rows in counted}  # noqa: C416 - a row is no tuple to mypy


def _count(tx: Connection, table: Table) -> int:
    return tx.execute(select(func.count()).select_from(table)).scalar_one()
