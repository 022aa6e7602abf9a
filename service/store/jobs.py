"""Rows of jobs: accept, read, change state."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import Job, JobRequest, JobState, Progress
from kerasearch.service.mlflow_pages import RunLink, run_url, trials_url
from kerasearch.service.store import events
from kerasearch.service.store.database import now
from kerasearch.service.store.retrainings import cancel_retrainings
from kerasearch.service.store.tables import jobs, trials
from kerasearch.service.store.trials import best_of, cancel_trials
from kerasearch.service.trials import TrialState

UNENDED = [state for state in JobState if not state.ended]


@dataclass(frozen=True)
class Page:
    items: list[Job]
    next: str | None


def accept_job(
    tx: Connection, request: JobRequest, dataset_id: str, key: str | None, body: bytes
) -> tuple[str, bool]:
    """Store a job; the same idempotency key and body give the job they gave before.

    Returns:
        The job's id, and whether it is new.

    Raises:
        Conflict: The key came before, with another body.
    """
    digest = hashlib.sha256(body).hexdigest()
    if key is not None:
        earlier = tx.execute(select(jobs).where(jobs.c.idempotency_key == key)).one_or_none()
        if earlier is not None:
            if earlier.body_sha256 != digest:
                raise Conflict(
                    f"Idempotency-Key {key!r} came with another body before, for job {earlier.id}; "
                    "send a new key with a new body"
                )
            return earlier.id, False
    job_id = secrets.token_hex(6)
    tx.execute(
        insert(jobs).values(
            id=job_id,
            name=request.name,
            state=JobState.QUEUED,
            request=request.model_dump(mode="json"),
            dataset_id=dataset_id,
            idempotency_key=key,
            body_sha256=digest,
            created_at=now(),
        )
    )
    _tell(tx, job_id, JobState.QUEUED, None)
    return job_id, True


def read_job(tx: Connection, job_id: str) -> Job:
    """The job as HTTP shows it; MLflow is linked by paths, since only the API knows its address.

    Raises:
        NotFound: No such job.
    """
    return _job(tx, row_of(tx, job_id))


def row_of(tx: Connection, job_id: str) -> Row[Any]:
    row = tx.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id!r}; `kerasearch jobs` lists them")
    return row


def list_jobs(tx: Connection, state: JobState | None, limit: int, before: int | None) -> Page:
    """Newest first; `before` is the row that the page before ended on."""
    chosen = select(jobs).order_by(jobs.c.seq.desc()).limit(limit + 1)
    if state is not None:
        chosen = chosen.where(jobs.c.state == state)
    if before is not None:
        chosen = chosen.where(jobs.c.seq < before)
    rows = tx.execute(chosen).all()
    more = len(rows) > limit
    return Page([_job(tx, row) for row in rows[:limit]], str(rows[limit - 1].seq) if more else None)


def unended_jobs(tx: Connection) -> list[Job]:
    """Jobs that the scheduler has to look after, oldest first."""
    chosen = select(jobs).where(jobs.c.state.in_(UNENDED)).order_by(jobs.c.seq)
    return [_job(tx, row) for row in tx.execute(chosen).all()]


def is_running(tx: Connection, job_id: str) -> bool:
    return bool(row_of(tx, job_id).state == JobState.RUNNING)


def start_job(tx: Connection, job_id: str) -> None:
    _change(tx, job_id, JobState.RUNNING, [JobState.QUEUED], started_at=now())


def end_job(tx: Connection, job_id: str, state: JobState, reason: str) -> None:
    """A job that was cancelled meanwhile stays so."""
    _change(tx, job_id, state, [JobState.QUEUED, JobState.RUNNING], reason=reason, ended_at=now())


def cancel_job(tx: Connection, job_id: str) -> None:
    """End the job and its trials now; their processes lose their leases.

    Raises:
        NotFound: No such job.
        Conflict: It has ended.
    """
    state = JobState(row_of(tx, job_id).state)
    if state is JobState.CANCELLED:
        return
    if not _change(tx, job_id, JobState.CANCELLED, UNENDED, reason="cancelled", ended_at=now()):
        raise Conflict(f"job {job_id} is {state} and can't be cancelled")
    cancel_trials(tx, trials.c.job_id == job_id, "the job was cancelled")
    cancel_retrainings(tx, job_id, "the job was cancelled")


def set_mirror_link(tx: Connection, job_id: str, link: RunLink) -> None:
    values = {"experiment_id": link.experiment_id, "run_id": link.run_id}
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(values))


def mirror_link(tx: Connection, job_id: str) -> RunLink | None:
    """The job's run in MLflow; None until the mirror has made it."""
    return _link(row_of(tx, job_id))


def _link(row: Row[Any]) -> RunLink | None:
    return None if row.run_id is None else RunLink(row.experiment_id, row.run_id)


def record_test_read(tx: Connection, job_id: str) -> None:
    """The seal of the test part is broken once; later reads change nothing."""
    tx.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.test_read_at.is_(None))
        .values(test_read_at=now())
    )


def _change(
    tx: Connection, job_id: str, state: JobState, lawful_from: list[JobState], **more: object
) -> bool:
    changed = tx.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_(lawful_from))
        .values(state=state, **more)
    ).rowcount
    if changed:
        _tell(tx, job_id, state, more.get("reason"))
    return bool(changed)


def _tell(tx: Connection, job_id: str, state: JobState, reason: object) -> None:
    events.append(tx, job_id, "job", {"id": job_id, "state": state, "reason": reason})


def _job(tx: Connection, row: Row[Any]) -> Job:
    counted = tx.execute(
        select(trials.c.state, func.count())
        .where(trials.c.job_id == row.id, trials.c.retraining_id.is_(None))
        .group_by(trials.c.state)
    )
    counts = dict.fromkeys(TrialState, 0) | {TrialState(state): n for state, n in counted}
    request = JobRequest.model_validate(row.request)
    link = _link(row)
    return Job(
        id=row.id,
        name=row.name,
        state=JobState(row.state),
        reason=row.reason,
        request=request,
        dataset_id=row.dataset_id,
        trials=counts,
        best=best_of(tx, row.best_trial_id),
        progress=_progress(row, counts, request.budget.trials),
        mlflow_url=None if link is None else run_url("", link),
        mlflow_trials_url=None if link is None else trials_url("", link, request.objective),
        test_read_at=instant(row.test_read_at),
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at),
    )


def _progress(row: Row[Any], counts: dict[TrialState, int], total: int) -> Progress:
    done = sum(n for state, n in counts.items() if state.ended)
    elapsed = (row.ended_at or now()) - row.started_at if row.started_at else 0.0
    left = None
    if done and not row.ended_at:
        left = elapsed / done * max(0, total - done)
    return Progress(done=done, total=total, elapsed_s=elapsed, eta_s=left)


def instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
