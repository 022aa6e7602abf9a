"""Which trials of earlier jobs a search may learn from."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from kerasearch.searchspaces import InvalidInput, SearchSpace
from kerasearch.service.jobs import JobRequest, WarmStart
from kerasearch.service.trials import Params, identity_of

MOST = 10_000
"""Trials of earlier jobs that one search learns from."""


@dataclass(frozen=True)
class EarlierTrial:
    params: Params
    values: tuple[float, ...]


@dataclass(frozen=True)
class EarlierJob:
    """A job that has begun.

    Attributes:
        trials: Params and, of a complete trial, values of those that have ended.
    """

    request: JobRequest
    dataset_id: str
    trials: list[tuple[Params, tuple[float, ...] | None]]


def learn_from(
    jobs: Iterable[EarlierJob], request: JobRequest, dataset_id: str
) -> tuple[list[EarlierTrial], WarmStart]:
    """What a job may take over, and what it says of it.

    Values count as they are, so they must mean the same: the same model family on the same data in
    the same split, judged by the same objectives. Params must lie in the job's own space.
    """
    space = SearchSpace.parse(request.space)
    left: Counter[str] = Counter()
    taken: dict[Hashable, EarlierTrial] = {}
    for job in jobs:
        difference = _difference(job, request, dataset_id)
        for params, values in job.trials:
            if difference is not None:
                left[difference] += 1
            elif values is None:
                left["without a value"] += 1
            elif not _lies_in(space, params):
                left["of params outside this space"] += 1
            elif identity_of(params) in taken:
                left["of the same params as another"] += 1
            elif len(taken) == MOST:
                left[f"beyond {MOST:,}"] += 1
            else:
                taken[identity_of(params)] = EarlierTrial(params, values)
    return [*taken.values()], WarmStart(taken=len(taken), left=dict(left))


def _difference(job: EarlierJob, request: JobRequest, dataset_id: str) -> str | None:
    if job.request.model != request.model:
        return f"of the model family {job.request.model}"
    if (job.dataset_id, job.request.data.model_copy(update={"dataset": ""})) != (
        dataset_id,
        request.data.model_copy(update={"dataset": ""}),
    ):
        return "on other data, or another split or scaling of it"
    if job.request.objectives != request.objectives:
        return "judged by another objective"
    return None


def _lies_in(space: SearchSpace, params: Params) -> bool:
    try:
        space.check(params)
    except InvalidInput:
        return False
    return True
