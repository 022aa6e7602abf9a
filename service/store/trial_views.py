"""Trials as HTTP shows them: with their curves and attempts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from kerasearch.service.errors import NotFound
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store.tables import attempts, jobs, reports, trials
from kerasearch.service.trials import Attempt, Trial, TrialState


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
    told: dict[int, list[dict[str, float | None]]] = defaultdict(list)
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
        told[row.trial_id].append(row.metrics)
    curves = {row.id: _curves(told[row.id]) for row in rows}
    objective = _objectives(tx, {row.job_id for row in rows})
    return [
        Trial(
            number=row.number,
            state=TrialState(row.state),
            params=row.params,
            value=row.value,
            std_error=row.std_error,
            trainings=row.trainings or [],
            values=curves[row.id].get(objective[row.job_id], []),
            curves=curves[row.id],
            metrics=row.metrics or {},
            best_epoch=row.best_epoch,
            seed=row.seed,
            duration_s=None if row.ended_at is None else _lasted(tried[row.id]),
            attempts=tried[row.id],
            reason=row.reason,
            run_id=row.run_id,
            device=row.device,
            path=row.path,
            path_reason=row.path_reason,
            memory_mib=row.memory_mib,
            warnings=row.warnings or [],
            model_sha256=row.model_sha256,
        )
        for row in rows
    ]


def _curves(epochs: Sequence[Mapping[str, float | None]]) -> dict[str, list[float | None]]:
    """Of each metric a value an epoch; None where a plugin's `fit` didn't tell it."""
    names = dict.fromkeys(name for metrics in epochs for name in metrics)
    return {name: [metrics.get(name) for metrics in epochs] for name in names}


def _lasted(attempts: Sequence[Attempt]) -> float | None:
    """The time of the last attempt, and of those that were pruned at a rung before it."""
    spans = [
        (attempt.ended_at - attempt.started_at).total_seconds()
        for attempt in attempts
        if attempt.ended_at and (attempt.outcome == TrialState.PRUNED or attempt is attempts[-1])
    ]
    return sum(spans) if spans else None


def _objectives(tx: Connection, job_ids: set[str]) -> dict[str, str]:
    chosen = select(jobs.c.id, jobs.c.request).where(jobs.c.id.in_(job_ids))
    return {
        row.id: JobRequest.model_validate(row.request).objectives[0].metric
        for row in tx.execute(chosen)
    }
