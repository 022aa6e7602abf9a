"""Retrainings of a job's params, and what they leave."""

from fastapi import APIRouter, Response

from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.service.errors import Conflict, NotFound, Unavailable
from kerasearch.service.files import holds, listing
from kerasearch.service.jobs import JobState
from kerasearch.service.resumable_file import ResumableFile
from kerasearch.service.routes.context import Ctx
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import retrainings as store
from kerasearch.service.store import trial_views
from kerasearch.service.store.best import no_best, which_of
from kerasearch.service.submission import own_params
from kerasearch.service.trials import Retraining, RetrainingRequest

router = APIRouter(prefix="/v1", tags=["retrainings"])


@router.post("/jobs/{job_id}/retrainings", status_code=202)
def retrain(job_id: str, request: RetrainingRequest, response: Response, ctx: Ctx) -> Retraining:
    """Train chosen params N times with new seeds, and judge each on the sealed test part."""
    with ctx.database.write() as tx:
        job = jobs_store.read_job(tx, job_id)
        if job.state is JobState.CANCELLED:
            raise Conflict(f"job {job_id} is cancelled: nothing of it is trained any more")
        if request.params is not None:
            params = own_params(request.params, job.request)
        elif request.trial != "best":
            try:
                params = trial_views.read_trial(tx, job_id, request.trial).params
            except NotFound as error:
                raise InvalidInput.at("/trial", str(error)) from None
        elif job.best is not None:
            params = job.best.params
        elif job.pareto:
            raise InvalidInput.at("/trial", which_of(job_id, job.pareto))
        else:
            raise Conflict(f"{no_best(job_id, job.state)}; or give params of your own")
        retraining_id = store.add_retraining(tx, job_id, request, params)
    response.headers["Location"] = f"/v1/retrainings/{retraining_id}"
    return retraining(retraining_id, ctx)


@router.get("/retrainings/{retraining_id}")
def retraining(retraining_id: str, ctx: Ctx) -> Retraining:
    with ctx.database.read() as tx:
        found = store.read_retraining(tx, retraining_id)
    folder = ctx.settings.retraining_dir(found.job_id, retraining_id)
    return found.model_copy(update={"artifacts": listing(folder)})


@router.head("/retrainings/{retraining_id}/artifacts/{name:path}", include_in_schema=False)
@router.get("/retrainings/{retraining_id}/artifacts/{name:path}", response_class=ResumableFile)
def artifact(retraining_id: str, name: str, ctx: Ctx) -> ResumableFile:
    with ctx.database.read() as tx:
        found = store.read_retraining(tx, retraining_id)
        sha256 = store.digests_of(tx, retraining_id).get(name)
    folder = ctx.settings.retraining_dir(found.job_id, retraining_id)
    names = listing(folder)
    if name not in names:
        raise NotFound(unknown(f"artifact of retraining {retraining_id}", name, names))
    if sha256 is None:  # it goes on
        return ResumableFile(folder / name, filename=name)
    if not holds(folder / name, sha256):
        raise Unavailable(f"{name} isn't what retraining {retraining_id} wrote")
    return ResumableFile(folder / name, filename=name, headers={"ETag": f'"{sha256}"'})
