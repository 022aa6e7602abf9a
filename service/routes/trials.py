"""Trials of a job, the best of them, and its model."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel

from kerasearch.service.errors import NotFound, Unavailable
from kerasearch.service.files import holds
from kerasearch.service.resumable_file import ResumableFile
from kerasearch.service.routes.context import Ctx, Limit, position
from kerasearch.service.store import best as store
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import trial_views
from kerasearch.service.submission import own_params
from kerasearch.service.trials import (
    LAST_NUMBER,
    BestTrial,
    ParetoSet,
    Trial,
    TrialRequest,
    TrialState,
)

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["trials"])


class Trials(BaseModel):
    items: list[Trial]
    next: str | None


@router.get("/trials")
def trials(
    job_id: str,
    ctx: Ctx,
    state: TrialState | None = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Trials:
    """By number, from 0."""
    with ctx.database.read() as tx:
        jobs_store.row_of(tx, job_id)
        found = trial_views.list_trials(tx, job_id, state, limit + 1, position(cursor))
    more = len(found) > limit
    return Trials(items=found[:limit], next=str(found[limit - 1].number) if more else None)


@router.post("/trials", status_code=202)
def enqueue(job_id: str, request: TrialRequest, response: Response, ctx: Ctx) -> Trial:
    """Have params of your own tried next; the same params are one trial."""
    with ctx.database.write() as tx:
        job = jobs_store.read_job(tx, job_id)
        params = own_params(request.params, job.request)
        number, new = jobs_store.enqueue_trial(tx, job_id, params)
        found = trial_views.read_trial(tx, job_id, number)
    if not new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/jobs/{job_id}/trials/{number}"
    return found


@router.get("/trials/{number}")
def trial(
    job_id: str, number: Annotated[int, PathParameter(ge=0, le=LAST_NUMBER)], ctx: Ctx
) -> Trial:
    with ctx.database.read() as tx:
        jobs_store.row_of(tx, job_id)
        return trial_views.read_trial(tx, job_id, number)


@router.get("/best")
def best(job_id: str, ctx: Ctx) -> BestTrial | ParetoSet:
    """The best trial so far; of several objectives, the Pareto set."""
    with ctx.database.read() as tx:
        job = jobs_store.read_job(tx, job_id)
        pareto = store.pareto_set(tx, job_id)
    if job.best is None and not pareto:
        raise NotFound(store.no_best(job_id, job.state))
    return job.best or ParetoSet(items=pareto)


@router.head("/best/model", include_in_schema=False)
@router.get("/best/model", response_class=ResumableFile)
def best_model(
    job_id: str, ctx: Ctx, trial: Annotated[int | None, Query(ge=0, le=LAST_NUMBER)] = None
) -> ResumableFile:
    """The `.keras` file; takes raw rows, since the scaling is inside.

    Of several objectives, `trial` names one of the Pareto set.
    """
    with ctx.database.read() as tx:
        name = jobs_store.row_of(tx, job_id).name
        number, attempt, sha256 = store.best_attempt(tx, job_id, trial)
    path = ctx.settings.attempt_dir(job_id, number, attempt) / "model.keras"
    if sha256 is None or not path.is_file():
        raise Unavailable(f"the model file of trial {number} is gone from the data folder")
    if not holds(path, sha256):
        raise Unavailable(f"the model file of trial {number} isn't what its training wrote")
    return ResumableFile(
        path,
        media_type="application/vnd.keras",
        filename=f"{name}-trial-{number}.keras",
        headers={"ETag": f'"{sha256}"'},
    )
