"""Rows of jobs: accept, read, change state."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.control import LAWFUL, Step, require
from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import Job, JobChange, JobRequest, JobState, Progress
from kerasearch.service.mlflow_pages import RunLink, run_url, trials_url
from kerasearch.service.objectives import target_problems
from kerasearch.service.sampling.auto import picked_sampler
from kerasearch.service.sampling.pruner_choice import pruner_of
from kerasearch.service.sampling.pruners import PickedPruner
from kerasearch.service.seeds import trial_seed
from kerasearch.service.store import deletions, events
from kerasearch.service.store.best import best_of
from kerasearch.service.store.database import now
from kerasearch.service.store.retrainings import cancel_retrainings
from kerasearch.service.store.tables import jobs, trials
from kerasearch.service.store.trials import add_trial, cancel_trials, retry_trials, rows_of_job
from kerasearch.service.store.warm_starts import add_warm_start, warm_start_of
from kerasearch.service.trials import Params, TrialState, identity_of

UNENDED = [state for state in JobState if not state.ended]

STOPPED = "it was stopped"


@dataclass(frozen=True)
class Page:
    items: list[Job]
    next: str | None


def accepted_before(tx: Connection, key: str | None, body: bytes) -> str | None:
    """The id of the job that this idempotency key and body gave before, if they did.

    Raises:
        Conflict: The key came before, with another body.
    """
    if key is None:
        return None
    earlier = tx.execute(select(jobs).where(jobs.c.idempotency_key == key)).one_or_none()
    if earlier is None:
        return None
    if earlier.body_sha256 != hashlib.sha256(body).hexdigest():
        raise Conflict(
            f"Idempotency-Key {key!r} came with another body before, for job {earlier.id}; "
            "send a new key with a new body"
        )
    job_id: str = earlier.id
    return job_id


def accept_job(
    tx: Connection, request: JobRequest, dataset_id: str, key: str | None, body: bytes
) -> tuple[str, bool]:
    """Store a job; the same idempotency key and body give the job they gave before.

    Returns:
        The job's id, and whether it is new.

    Raises:
        Conflict: The key came before, with another body.
        InvalidInput: No such job as one of `search.warm_start`.
    """
    if (earlier := accepted_before(tx, key, body)) is not None:
        return earlier, False
    job_id = secrets.token_hex(6)
    tx.execute(
        insert(jobs).values(
            id=job_id,
            name=request.name,
            state=JobState.QUEUED,
            request=request.model_dump(mode="json"),
            pruner=pruner_of(request).model_dump(mode="json"),
            dataset_id=dataset_id,
            idempotency_key=key,
            body_sha256=hashlib.sha256(body).hexdigest(),
            created_at=now(),
        )
    )
    if request.search.warm_start:
        add_warm_start(tx, job_id, request, dataset_id)
    _tell(tx, job_id, JobState.QUEUED, None)
    return job_id, True


def read_job(tx: Connection, job_id: str) -> Job:
    """The job as HTTP shows it; MLflow is linked by paths, since only the API knows its address.

    Raises:
        NotFound: No such job.
    """
    found = _jobs(tx, select(jobs).where(jobs.c.id == job_id))
    if not found:
        raise _no_job(job_id)
    return found[0]


def row_of(tx: Connection, job_id: str) -> Row[Any]:
    row = tx.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise _no_job(job_id)
    return row


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"no job {job_id!r}; `kerasearch jobs` lists them")


def list_jobs(tx: Connection, state: JobState | None, limit: int, before: int | None) -> Page:
    """Newest first; `before` is the row that the page before ended on."""
    chosen = select(jobs).order_by(jobs.c.seq.desc()).limit(limit + 1)
    if state is not None:
        chosen = chosen.where(jobs.c.state == state)
    if before is not None:
        chosen = chosen.where(jobs.c.seq < before)
    found = _jobs(tx, chosen)
    more = len(found) > limit
    return Page(found[:limit], str(row_of(tx, found[limit - 1].id).seq) if more else None)


def unended_jobs(tx: Connection, next_queued: int | None = None) -> list[Job]:
    """Jobs that the scheduler has to look after, oldest first.

    Args:
        tx: Reads.
        next_queued: So many of the queued ones, those that are to begin next; None for all.
    """
    priority = jobs.c.request["priority"].as_integer().desc()
    queued = select(jobs.c.id).where(jobs.c.state == JobState.QUEUED)
    begun = [state for state in UNENDED if state is not JobState.QUEUED]
    first = queued.order_by(priority, jobs.c.seq).limit(next_queued)
    chosen = select(jobs).where(or_(jobs.c.state.in_(begun), jobs.c.id.in_(first)))
    return _jobs(tx, chosen.order_by(jobs.c.seq))


def is_as_seen(tx: Connection, job: Job) -> bool:
    """Whether nobody has changed what is wanted of the job since it was read, or deleted it."""
    try:
        row = _locked(tx, job.id)
    except NotFound:
        return False
    return (row.state, JobRequest.model_validate(row.request)) == (job.state, job.request)


def start_job(tx: Connection, job_id: str) -> None:
    """Does nothing unless it is queued."""
    _take(tx, job_id, Step.STARTED)


def add_elapsed(tx: Connection, job_id: str, seconds: float) -> None:
    """The job has been running for so much longer."""
    longer = {"elapsed_s": jobs.c.elapsed_s + seconds}
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(longer))


def end_job(tx: Connection, job_id: str, state: JobState, reason: str) -> None:
    """A job that was cancelled meanwhile stays so."""
    _take(tx, job_id, Step(state), reason)


def fail_job(tx: Connection, job_id: str, reason: str) -> None:
    """End the job and its search's trials now: none of them could come to a value."""
    if _take(tx, job_id, Step.FAILED, reason):
        cancel_trials(tx, _of_search(job_id), "the job has failed")


def pause_job(tx: Connection, job_id: str) -> None:
    """Begin no trial any more; those that run finish. Raises NotFound, Conflict."""
    _ask(tx, job_id, Step.PAUSED)


def resume_job(tx: Connection, job_id: str) -> None:
    """Raises NotFound, Conflict."""
    _ask(tx, job_id, Step.RESUMED)


def stop_job(tx: Connection, job_id: str) -> None:
    """Have the job complete once the trials that run have finished; raises NotFound, Conflict."""
    if _ask(tx, job_id, Step.STOPPED):
        queued = trials.c.state == TrialState.QUEUED
        cancel_trials(tx, _of_search(job_id) & queued, "the job was stopped")


def cancel_job(tx: Connection, job_id: str) -> None:
    """End the job and its trials now; their processes lose their leases.

    Raises:
        NotFound: No such job.
        Conflict: It has ended.
    """
    if _ask(tx, job_id, Step.CANCELLED, "cancelled"):
        cancel_trials(tx, trials.c.job_id == job_id, "the job was cancelled")
        cancel_retrainings(tx, job_id, "the job was cancelled")


def change_job(tx: Connection, job_id: str, change: JobChange) -> None:
    """Change limits; another budget has an ended job go on.

    Raises:
        NotFound: No such job.
        Conflict: Its state doesn't allow it.
        InvalidInput: A target, where there are several objectives.
    """
    row = _locked(tx, job_id)
    require(job_id, JobState(row.state), Step.EXTENDED)
    request = JobRequest.model_validate(row.request)
    if problems := target_problems(request.objectives, change.budget.target):
        raise InvalidInput(problems)
    changed = change.of(request)
    if changed == request:
        return
    tx.execute(
        update(jobs).where(jobs.c.id == job_id).values(request=changed.model_dump(mode="json"))
    )
    if changed.budget == request.budget or not _take(tx, job_id, Step.EXTENDED):
        _tell(tx, job_id, row.state, row.reason)


def retry_job(tx: Connection, job_id: str) -> None:
    """Run its failed trials again, which has an ended job go on; raises NotFound, Conflict."""
    require(job_id, JobState(_locked(tx, job_id).state), Step.RETRIED)
    if retry_trials(tx, _of_search(job_id)):
        _take(tx, job_id, Step.RETRIED)


def enqueue_trial(tx: Connection, job_id: str, params: Params) -> tuple[int, bool]:
    """Have these params of the job's space tried next, in an ended job too.

    Returns:
        The trial's number, and whether it is new: the same params are tried once.

    Raises:
        NotFound: No such job.
        Conflict: Its state doesn't allow it.
    """
    row = _locked(tx, job_id)
    require(job_id, JobState(row.state), Step.ENQUEUED)
    rows = rows_of_job(tx, job_id)
    wanted = identity_of(params)
    for earlier in rows:
        if identity_of(earlier.params) == wanted:
            return earlier.number, False
    number = 1 + max((row.number for row in rows), default=-1)
    seed = trial_seed(row.request["search"]["seed"], number)
    add_trial(tx, job_id, number, params, seed, told=True)
    _take(tx, job_id, Step.ENQUEUED)
    return number, True


def delete_job(tx: Connection, job_id: str) -> None:
    """Delete an ended job and all that belongs to it; the mirror deletes its files and runs.

    Raises:
        NotFound: No such job.
        Conflict: It has not ended.
    """
    row = _locked(tx, job_id)
    require(job_id, JobState(row.state), Step.DELETED)
    deletions.add_deletion(tx, job_id, _link(row))
    tx.execute(delete(jobs).where(jobs.c.id == job_id))


def set_mirror_link(tx: Connection, job_id: str, link: RunLink) -> None:
    values = {"experiment_id": link.experiment_id, "run_id": link.run_id}
    if not tx.execute(update(jobs).where(jobs.c.id == job_id).values(values)).rowcount:
        deletions.set_link(tx, job_id, link)


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


def _of_search(job_id: str) -> ColumnElement[bool]:
    """Its trials, without the repeats of its retrainings."""
    return (trials.c.job_id == job_id) & trials.c.retraining_id.is_(None)


def _locked(tx: Connection, job_id: str) -> Row[Any]:
    """The job's row, which nobody else changes before this transaction ends; raises NotFound."""
    tx.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
    return row_of(tx, job_id)


def _ask(tx: Connection, job_id: str, step: Step, reason: str | None = None) -> bool:
    """Take a step that a person asks for; whether it led to another state.

    Raises:
        NotFound: No such job.
        Conflict: Its state doesn't allow it.
    """
    require(job_id, JobState(_locked(tx, job_id).state), step)
    return _take(tx, job_id, step, reason)


def _take(tx: Connection, job_id: str, step: Step, reason: str | None = None) -> bool:
    """Take a step where it is lawful; whether it led to another state."""
    row = _locked(tx, job_id)
    state = LAWFUL[step].get(JobState(row.state), row.state)
    if state == row.state:
        return False
    values = {"state": state, "reason": reason, "ended_at": now() if state.ended else None}
    if state is JobState.RUNNING:
        values["started_at"] = func.coalesce(jobs.c.started_at, now())
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(values))
    _tell(tx, job_id, state, reason)
    return True


def _tell(tx: Connection, job_id: str, state: JobState, reason: object) -> None:
    events.append(tx, job_id, "job", {"id": job_id, "state": state, "reason": reason})


def _jobs(tx: Connection, chosen: Select[Any]) -> list[Job]:  # Any: SQLAlchemy's type of columns
    rows = tx.execute(chosen).all()
    counts = {row.id: dict.fromkeys(TrialState, 0) for row in rows}
    # A query inside the other: a list of ids could be longer than SQLite takes.
    counted = tx.execute(
        select(trials.c.job_id, trials.c.state, func.count())
        .where(trials.c.job_id.in_(chosen.with_only_columns(jobs.c.id)))
        .where(trials.c.retraining_id.is_(None))
        .group_by(trials.c.job_id, trials.c.state)
    )
    for job_id, state, number in counted:
        counts[job_id][TrialState(state)] = number
    return [_job(tx, row, counts[row.id]) for row in rows]


def _job(tx: Connection, row: Row[Any], counts: dict[TrialState, int]) -> Job:
    request = JobRequest.model_validate(row.request)
    link = _link(row)
    return Job(
        id=row.id,
        name=row.name,
        state=JobState(row.state),
        reason=row.reason,
        request=request,
        sampler=picked_sampler(request),
        pruner=PickedPruner.model_validate(row.pruner or {}),
        warm_start=warm_start_of(tx, row.id) if request.search.warm_start else None,
        dataset_id=row.dataset_id,
        trials=counts,
        pareto=row.pareto or (),
        best=None if row.best_trial_id is None else best_of(tx, row.best_trial_id),
        progress=_progress(row, counts, request.budget.trials),
        mlflow_url=None if link is None else run_url("", link),
        mlflow_trials_url=None if link is None else trials_url("", link),
        test_read_at=instant(row.test_read_at),
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at),
    )


def _progress(row: Row[Any], counts: dict[TrialState, int], budget: int) -> Progress:
    done = sum(n for state, n in counts.items() if state.ended)
    total = max(budget, sum(counts.values()))
    left = None
    if done and not row.ended_at:
        left = row.elapsed_s / done * (total - done)
    return Progress(done=done, total=total, elapsed_s=row.elapsed_s, eta_s=left)


def instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
