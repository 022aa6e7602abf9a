"""Rows of retrainings; their repeats are rows of trials."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from kerasearch.service.errors import NotFound
from kerasearch.service.store import events
from kerasearch.service.store.database import now
from kerasearch.service.store.tables import reports, retrainings, trials
from kerasearch.service.store.trials import RepeatRow, add_trial, repeats_of
from kerasearch.service.trials import (
    Params,
    Repeat,
    Retraining,
    RetrainingRequest,
)

State = Literal["running", "completed", "failed", "cancelled"]


def add_retraining(tx: Connection, job_id: str, request: RetrainingRequest, params: Params) -> str:
    """A new retraining with its repeats queued; its id."""
    retraining_id = secrets.token_hex(6)
    tx.execute(
        insert(retrainings).values(
            id=retraining_id,
            job_id=job_id,
            state="running",
            request=request.model_dump(mode="json"),
            params=params,
            created_at=now(),
        )
    )
    for number in range(request.repeats):
        add_trial(tx, job_id, number, params, request.seed + number, retraining_id)
    _tell(tx, job_id, retraining_id, "running")
    return retraining_id


def read_retraining(tx: Connection, retraining_id: str) -> Retraining:
    """As HTTP shows it, but for `artifacts`, which are files. Raises NotFound."""
    row = _row(tx, retraining_id)
    repeats = repeats_of(tx, retraining_id)
    counted = tx.execute(
        select(reports.c.trial_id, func.max(reports.c.epoch))
        .join(trials, (trials.c.id == reports.c.trial_id) & (trials.c.attempt == reports.c.attempt))
        .where(trials.c.retraining_id == retraining_id)
        .group_by(reports.c.trial_id)
    )
    epochs: dict[int, int] = dict(counted.all())
    return Retraining(
        id=row.id,
        job_id=row.job_id,
        state=row.state,
        reason=row.reason,
        request=RetrainingRequest.model_validate(row.request),
        params=row.params,
        repeats=[_repeat(repeat, epochs.get(repeat.id, 0)) for repeat in repeats],
        report=row.report,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        ended_at=None if row.ended_at is None else datetime.fromtimestamp(row.ended_at, UTC),
    )


def running_retrainings(tx: Connection) -> list[str]:
    chosen = select(retrainings.c.id).where(retrainings.c.state == "running")
    return list(tx.execute(chosen.order_by(retrainings.c.seq)).scalars())


def end_retraining(
    tx: Connection,
    retraining_id: str,
    state: State,
    reason: str | None = None,
    report: dict[str, object] | None = None,
    digests: Mapping[str, str] | None = None,
) -> None:
    """A retraining that was cancelled meanwhile stays so; `digests` are of its files by name."""
    ended = {"reason": reason, "report": report, "digests": digests}
    _end(tx, retrainings.c.id == retraining_id, state, **ended)


def digests_of(tx: Connection, retraining_id: str) -> dict[str, str]:
    """SHA-256 by name: of the models that are there, and once it has ended of every file.

    Raises:
        NotFound: No such retraining.
    """
    written = {
        model_name(repeat.number): repeat.model_sha256
        for repeat in repeats_of(tx, retraining_id)
        if repeat.model_sha256 is not None
    }
    return written | (_row(tx, retraining_id).digests or {})


def model_name(number: int) -> str:
    """Of a repeat's model among the retraining's files."""
    return f"model_{number}.keras"


def cancel_retrainings(tx: Connection, job_id: str, reason: str) -> None:
    """End those of the job that run; their repeats are trials, and cancelled as such."""
    _end(tx, retrainings.c.job_id == job_id, "cancelled", reason=reason)


def _end(tx: Connection, chosen: ColumnElement[bool], state: State, **more: object) -> None:
    for row in tx.execute(
        update(retrainings)
        .where(chosen, retrainings.c.state == "running")
        .values(state=state, ended_at=now(), **more)
        .returning(retrainings)
    ).all():
        _tell(tx, row.job_id, row.id, state)


def _row(tx: Connection, retraining_id: str) -> Row[Any]:
    row = tx.execute(select(retrainings).where(retrainings.c.id == retraining_id)).one_or_none()
    if row is None:
        raise NotFound(f"no retraining {retraining_id!r}")
    return row


def _tell(tx: Connection, job_id: str, retraining_id: str, state: State) -> None:
    said = {"id": retraining_id, "state": state}
    events.append(tx, job_id, "retraining", said, retraining_id)


def _repeat(row: RepeatRow, epochs: int) -> Repeat:
    return Repeat(
        number=row.number,
        state=row.state,
        seed=row.seed,
        best_epoch=row.best_epoch,
        epochs_done=epochs,
        metrics=row.metrics,
        reason=row.reason,
    )
