"""From what was posted to what is meant: a job's defaults filled in, and every mistake named."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from kerasearch.models import FAMILIES, FamilyInfo
from kerasearch.models.datasets import BUILTIN, DatasetInfo, Usable, usable
from kerasearch.searchspaces import SearchSpace, space_for
from kerasearch.searchspaces.problems import InvalidInput, Problem, unknown
from kerasearch.service.jobs import METRICS, SAMPLERS, JobRequest, Objective
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.trials import Params

Found = TypeVar("Found")


def understand(
    request: JobRequest, find: Callable[[str], StoredDataset | None], names: list[str]
) -> tuple[JobRequest, str]:
    """The request as understood, and the id of its dataset.

    Args:
        request: As posted; its space in any accepted form.
        find: An uploaded dataset by id or name.
        names: Of the uploaded datasets, for the error that lists what is known.

    Raises:
        InvalidInput: With every problem of every part.
    """
    problems: list[Problem] = []

    def noting(check: Callable[[], Found], prefix: str = "") -> Found | None:
        try:
            return check()
        except InvalidInput as error:
            problems.extend(error.under(prefix).problems)
            return None

    family = noting(lambda: find_family(request.model), "/model")
    dataset = noting(lambda: _dataset(request.data.dataset, find, names), "/data/dataset")
    if family and dataset:
        noting(lambda: _usable(request, family, dataset.info), "/data")
    space = noting(
        lambda: (
            space_for(family.name, request.space) if family else SearchSpace.parse(request.space)
        ),
        "/space",
    )
    metric, direction = request.objective.metric, request.objective.direction
    if metric not in METRICS:
        problems.append(Problem("/objective/metric", unknown("metric", metric, METRICS)))
    elif direction not in (None, METRICS[metric]):
        wanted = METRICS[metric]
        detail = f"{metric} is there to be {wanted}d: say {wanted}, or leave direction out"
        problems.append(Problem("/objective/direction", detail))
    search = request.search
    if search.sampler not in SAMPLERS[search.engine]:
        kind = f"sampler of {search.engine}"
        detail = unknown(kind, search.sampler, SAMPLERS[search.engine])
        problems.append(Problem("/search/sampler", detail))
    if request.resources.gpus:
        problems.append(
            Problem("/resources/gpus", "this service gives out no GPUs yet: leave gpus at 0")
        )
    if problems or space is None or dataset is None:
        raise InvalidInput(problems)
    target = dataset.info.target if request.data.target is None else request.data.target
    understood = request.model_copy(
        update={
            "name": request.name or f"{request.model}-{dataset.name}",
            "data": request.data.model_copy(update={"target": target}),
            "space": space.canonical(),
            "objective": Objective(metric=metric, direction=METRICS[metric]),
        }
    )
    return understood, dataset.id


def own_params(params: Params, request: JobRequest) -> Params:
    """Params that a person gives for a job, as its space would give them; raises InvalidInput."""
    try:
        return SearchSpace.parse(request.space).check(params)
    except InvalidInput as error:
        raise error.under("/params") from None


def find_family(name: str) -> FamilyInfo:
    if name not in FAMILIES:
        raise InvalidInput.at("", unknown("model family", name, FAMILIES))
    return FAMILIES[name]


class _Dataset(NamedTuple):
    id: str
    name: str
    info: DatasetInfo


def _dataset(
    id_or_name: str, find: Callable[[str], StoredDataset | None], names: list[str]
) -> _Dataset:
    for builtin in BUILTIN.values():
        if id_or_name in (builtin.name, builtin.sha256):
            return _Dataset(builtin.sha256, builtin.name, builtin.info)
    if (stored := find(id_or_name)) is not None:
        return _Dataset(stored.id, stored.name, stored.info)
    raise InvalidInput.at("", unknown("dataset", id_or_name, [*BUILTIN, *names]))


def _usable(request: JobRequest, family: FamilyInfo, info: DatasetInfo) -> Usable:
    data = request.data
    return usable(
        info, target=data.target, drop=data.drop, split=data.split, kinds=family.data_kinds
    )
