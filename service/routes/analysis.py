"""What a job leaves besides its models: pictures, tables, and what they say."""

import json

from fastapi import APIRouter
from pydantic import BaseModel

from kerasearch.models.datasets import DatasetInfo, find_builtin
from kerasearch.models.datasets.columns import column_classes
from kerasearch.searchspaces.problems import unknown
from kerasearch.service.analysis import IMPORTANCES, Analysis, analyse
from kerasearch.service.errors import NotFound
from kerasearch.service.files import listing
from kerasearch.service.jobs import Job
from kerasearch.service.resumable_file import ResumableFile
from kerasearch.service.routes.context import Ctx
from kerasearch.service.store import jobs as store
from kerasearch.service.store import trial_views
from kerasearch.service.store.datasets import find_dataset

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["analysis"])


class Artifacts(BaseModel):
    items: list[str]
    next: None = None


@router.get("/artifacts")
def artifacts(job_id: str, ctx: Ctx) -> Artifacts:
    """Names of the job's plots and tables, which grow with its trials."""
    with ctx.database.read() as tx:
        store.row_of(tx, job_id)
    return Artifacts(items=listing(ctx.settings.artifacts_dir(job_id)))


@router.head("/artifacts/{name:path}", include_in_schema=False)
@router.get("/artifacts/{name:path}", response_class=ResumableFile)
def artifact(job_id: str, name: str, ctx: Ctx) -> ResumableFile:
    """One of them."""
    names = artifacts(job_id, ctx).items
    if name not in names:
        raise NotFound(unknown(f"artifact of job {job_id}", name, names))
    return ResumableFile(ctx.settings.artifacts_dir(job_id) / name, filename=name)


@router.get("/analysis")
def analysis(job_id: str, ctx: Ctx) -> Analysis:
    """Importances, bias and variance of the best trial, and warnings."""
    with ctx.database.read() as tx:
        job = store.read_job(tx, job_id)
        best = None if job.best is None else trial_views.read_trial(tx, job_id, job.best.number)
        dataset = find_builtin(job.dataset_id) or find_dataset(tx, job.dataset_id)
    path = ctx.settings.artifacts_dir(job_id) / IMPORTANCES
    importances = json.loads(path.read_text()) if path.is_file() else {}
    chance = None if dataset is None else _chance(job, dataset.info)
    return analyse(job, best, importances, chance)


def _chance(job: Job, info: DatasetInfo) -> float | None:
    """Accuracy of always saying the largest class; None where there are no classes known."""
    if job.request.data.trained_for != "classification":
        return None
    target = job.request.data.target
    column = next((one for one in info.columns or () if one.name == target), None)
    counts = info.class_counts if column is None else column_classes(column)
    return max(counts.values()) / sum(counts.values()) if counts else None
