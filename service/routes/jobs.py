"""Jobs: submit, read, control, follow."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated

from anyio import sleep, to_thread
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from kerasearch.service.errors import NotFound
from kerasearch.service.jobs import Job, JobChange, JobRequest, JobState
from kerasearch.service.plugins import Plugins
from kerasearch.service.routes.context import Context, Ctx, Limit, position
from kerasearch.service.store import events as events_store
from kerasearch.service.store import jobs as store
from kerasearch.service.store.database import Transaction
from kerasearch.service.store.datasets import find_dataset, list_datasets
from kerasearch.service.submission import understand

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

EVENT_POLL_S = 0.2


class Jobs(BaseModel):
    items: list[Job]
    next: str | None


@router.post("", status_code=202)
def submit(
    request: JobRequest,
    http: Request,
    response: Response,
    ctx: Ctx,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Job:
    """Accept a search job. It is stored before this answers: an accepted job is not lost."""
    try:
        body = request.model_dump_json(exclude_unset=True).encode()
    except PydanticSerializationError:  # half of a surrogate pair: nobody's body, refused below
        body = b""
    with ctx.database.write() as tx:  # from here on, so that the dataset isn't removed meanwhile
        job_id = store.accepted_before(tx, idempotency_key, body)
        if job_id is None:  # else its plugin may have changed since
            names = [dataset.name for dataset in list_datasets(tx)]
            understood, dataset_id = understand(
                request, lambda name: find_dataset(tx, name), names, Plugins.of(ctx.settings)
            )
            job_id, _ = store.accept_job(tx, understood, dataset_id, idempotency_key, body)
        job = store.read_job(tx, job_id)
    response.headers["Location"] = f"/v1/jobs/{job_id}"
    return _shown(http, job)


@router.get("")
def jobs(
    http: Request,
    ctx: Ctx,
    state: JobState | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Jobs:
    """Newest first."""
    with ctx.database.read() as tx:
        page = store.list_jobs(tx, state, limit, position(cursor))
    return Jobs(items=[_shown(http, job) for job in page.items], next=page.next)


@router.get("/{job_id}")
def job(job_id: str, http: Request, ctx: Ctx) -> Job:
    with ctx.database.read() as tx:
        found = store.read_job(tx, job_id)
    return _shown(http, found)


@router.patch("/{job_id}")
def change(job_id: str, change: JobChange, http: Request, ctx: Ctx) -> Job:
    """Extend or shrink the budget; a job that has ended goes on with what it knows."""
    return _control(ctx, http, job_id, lambda tx: store.change_job(tx, job_id, change))


@router.post("/{job_id}/pause")
def pause(job_id: str, http: Request, ctx: Ctx) -> Job:
    """Begin no trial any more; those that run finish."""
    return _control(ctx, http, job_id, lambda tx: store.pause_job(tx, job_id))


@router.post("/{job_id}/resume")
def resume(job_id: str, http: Request, ctx: Ctx) -> Job:
    """Go on after a pause."""
    return _control(ctx, http, job_id, lambda tx: store.resume_job(tx, job_id))


@router.post("/{job_id}/stop")
def stop(job_id: str, http: Request, ctx: Ctx) -> Job:
    """Complete the job once the trials that run have finished."""
    return _control(ctx, http, job_id, lambda tx: store.stop_job(tx, job_id))


@router.post("/{job_id}/cancel")
def cancel(job_id: str, http: Request, ctx: Ctx) -> Job:
    """End the job and its running trials now."""
    return _control(ctx, http, job_id, lambda tx: store.cancel_job(tx, job_id))


@router.post("/{job_id}/retry")
def retry(job_id: str, http: Request, ctx: Ctx) -> Job:
    """Run the failed trials again; a job that has ended goes on for them."""
    return _control(ctx, http, job_id, lambda tx: store.retry_job(tx, job_id))


@router.delete("/{job_id}", status_code=204)
def delete(job_id: str, ctx: Ctx) -> None:
    """Delete an ended job, its trials, retrainings, files and MLflow runs."""
    with ctx.database.write() as tx:
        store.delete_job(tx, job_id)


def _control(
    ctx: Context, http: Request, job_id: str, take_step: Callable[[Transaction], None]
) -> Job:
    with ctx.database.write() as tx:
        take_step(tx)
        job = store.read_job(tx, job_id)
    return _shown(http, job)


@dataclass(frozen=True)
class Start:
    """Where a stream of events starts; settled before its first byte, so that it can be refused."""

    last_id: int
    ended: bool


def start_of(job_id: str, ctx: Ctx, last_event_id: Annotated[str | None, Header()] = None) -> Start:
    return Start(position(last_event_id or None, "/last-event-id") or 0, _ended(ctx, job_id))


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def events(
    job_id: str, ctx: Ctx, start: Annotated[Start, Depends(start_of)]
) -> AsyncIterator[ServerSentEvent]:
    """What happened in the job and happens; ends after the job's last event.

    Events are `job`, `trial`, `report` and `retraining`; `Last-Event-ID` goes on after that one.
    """
    last_id, ended = start.last_id, start.ended
    while True:
        happened = await to_thread.run_sync(_events_after, ctx, job_id, last_id)
        for event in happened:
            last_id = event.id
            yield ServerSentEvent(data=event.data, event=event.kind, id=str(event.id))
        if not happened:
            if ended:
                return
            try:
                ended = await to_thread.run_sync(_ended, ctx, job_id)
            except NotFound:  # it was deleted meanwhile
                return
            if not ended:
                await sleep(EVENT_POLL_S)


def _events_after(ctx: Context, job_id: str, last_id: int) -> list[events_store.Event]:
    with ctx.database.read() as tx:
        return events_store.events_after(tx, job_id, last_id)


def _ended(ctx: Context, job_id: str) -> bool:
    """Whether nothing more is to come; raises NotFound."""
    with ctx.database.read() as tx:
        return JobState(store.row_of(tx, job_id).state).ended


def _shown(http: Request, job: Job) -> Job:
    """With the address of the server that was asked before the paths of its pages in MLflow."""
    if job.mlflow_url is None or job.mlflow_trials_url is None:
        return job
    here = str(http.base_url).rstrip("/")
    urls = {"mlflow_url": job.mlflow_url, "mlflow_trials_url": job.mlflow_trials_url}
    return job.model_copy(update={name: here + path for name, path in urls.items()})
