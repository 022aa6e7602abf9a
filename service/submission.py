"""From what was posted to what is meant: a job's defaults filled in, and every mistake named."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from kerasearch.models import FAMILIES, FamilyInfo
from kerasearch.models.datasets import BUILTIN, DatasetInfo, Usable, find_builtin, usable
from kerasearch.models.measuring import COSTS
from kerasearch.models.plugins.recorded import PREFIX
from kerasearch.models.tasks import TASKS, Direction, Task
from kerasearch.searchspaces import SearchSpace, space_for
from kerasearch.searchspaces.constraints import Constraints
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown
from kerasearch.service.devices import usable_gpus
from kerasearch.service.jobs import (
    ClassWeight,
    JobRequest,
    Objective,
    SearchRequest,
    TrainingRequest,
)
from kerasearch.service.objectives import target_problems, understood_objectives
from kerasearch.service.plugins import NO_PLUGINS, Plugins
from kerasearch.service.sampling.fitting import search_problems
from kerasearch.service.sampling.pruner_choice import pruner_problems
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.trials import Params

Found = TypeVar("Found")


def understand(
    request: JobRequest,
    find: Callable[[str], StoredDataset | None],
    names: list[str],
    plugins: Plugins = NO_PLUGINS,
) -> tuple[JobRequest, str]:
    """The request as understood, and the id of its dataset.

    Args:
        request: As posted; its space in any accepted form.
        find: An uploaded dataset by id or name.
        names: Of the uploaded datasets, for the error that lists what is known.
        plugins: Whose models and data it may name.

    Raises:
        InvalidInput: With every problem of every part.
        Unavailable: A plugin that it names is being recorded.
    """
    problems: list[Problem] = []

    def noting(check: Callable[[], Found], prefix: str = "") -> Found | None:
        try:
            return check()
        except InvalidInput as error:
            problems.extend(error.under(prefix).problems)
            return None

    family = noting(lambda: find_family(request.model, plugins), "/model")
    dataset = noting(lambda: _dataset(request.data.dataset, find, names, plugins), "/data/dataset")
    usage = None
    if family and "scale" in request.data.model_fields_set:
        problems += _scale_problems(family, request.data.scale)
    if family and dataset:
        usage = noting(lambda: _usable(request, family, dataset.info), "/data")
    defaults = None
    if family:
        defaults = family.space_of(dataset.info.kind) if dataset else family.space
    space = noting(
        lambda: (
            space_for(family.name, request.space, defaults, family.training)
            if family
            else SearchSpace.parse(request.space)
        ),
        "/space",
    )
    constraints = None
    if space is not None:
        constraints = noting(lambda: Constraints.parse(request.constraints, space), "/constraints")
    several = not isinstance(request.objective, Objective)
    metrics = task_metrics(family, usage)
    # Where the data doesn't fit the model that is said once, and not by what nobody asked for.
    task = TASKS[usage.task if usage else family.tasks[0] if family else "classification"]
    asked = request.objectives
    if not several and "metric" not in asked[0].model_fields_set:
        asked = (asked[0].model_copy(update={"metric": task.objective}),)
    objectives = noting(
        lambda: understood_objectives(asked, metrics | COSTS, listed=several), "/objective"
    )
    training = noting(lambda: _training(request.training, task, metrics), "/training")
    if usage:
        problems += _class_weight_problems(request.training.class_weight, usage)
    problems += target_problems(request.objectives, request.budget.target)
    search = noting(lambda: _search(request, space, constraints), "/search")
    gpus = noting(lambda: _gpus(request.resources.gpus), "/resources/gpus")
    if problems or not (
        family and space and dataset and usage and objectives and training and search
    ):
        raise InvalidInput(problems)
    target = dataset.info.target if request.data.target is None else request.data.target
    data = request.data.model_copy(update={"target": target, "task": usage.task})
    if "scale" not in request.data.model_fields_set:
        data = data.model_copy(update={"scale": family.scales[0]})
    understood = request.model_copy(
        update={
            "name": request.name or f"{_plain(family.name)}-{_plain(dataset.name)}",
            "model": family.exact_name,
            "data": data,
            "space": space.canonical(),
            "objective": objectives if len(objectives) > 1 else objectives[0],
            "search": search,
            "training": training,
            "resources": request.resources.model_copy(update={"gpus": gpus}),
        }
    )
    return understood, dataset.id


def _gpus(asked: float | None) -> float:
    found = usable_gpus()
    if asked is None:
        return 1.0 if found else 0.0
    if asked > 1:
        detail = f"a trial trains on one GPU at most: give a share from 0 to 1, not {asked:g}"
        raise InvalidInput.at("", detail)
    if asked and not found:
        detail = "TensorFlow finds no GPU here: leave gpus at 0 (`kerasearch doctor` says more)"
        raise InvalidInput.at("", detail)
    return asked


def _plain(name: str) -> str:
    return name.removeprefix(PREFIX).replace(":", "-")


def own_params(params: Params, request: JobRequest) -> Params:
    """Params that a person gives for a job, as its space would give them; raises InvalidInput."""
    space = SearchSpace.parse(request.space)
    constraints = Constraints.parse(request.constraints, space)
    try:
        return _allowed(params, space, constraints)
    except InvalidInput as error:
        raise error.under("/params") from None


def _allowed(params: Params, space: SearchSpace, constraints: Constraints) -> Params:
    checked = space.check(space.with_fixed(params))
    if why := constraints.violated(checked):
        raise InvalidInput.at("", why)
    return checked


def _search(
    request: JobRequest, space: SearchSpace | None, constraints: Constraints | None
) -> SearchRequest:
    """The search as understood: a sampler that fits, and first params of the space."""
    problems = [*search_problems(request.search, space, len(request.objectives))]
    problems += pruner_problems(request)
    start_from = []
    for index, params in enumerate(request.search.start_from):
        if space is None:
            break
        try:
            start_from.append(_allowed(params, space, constraints or Constraints()))
        except InvalidInput as error:
            problems += error.under(pointer_to("start_from", index)).problems
    if problems:
        raise InvalidInput(problems)
    return request.search.model_copy(update={"start_from": tuple(start_from)})


def find_family(name: str, plugins: Plugins = NO_PLUGINS) -> FamilyInfo:
    if name.startswith(PREFIX):
        return plugins.find_model(name)[0]
    if name not in FAMILIES:
        raise InvalidInput.at("", unknown("model family", name, FAMILIES))
    return FAMILIES[name]


class _Dataset(NamedTuple):
    id: str
    name: str
    info: DatasetInfo


def _dataset(
    id_or_name: str,
    find: Callable[[str], StoredDataset | None],
    names: list[str],
    plugins: Plugins,
) -> _Dataset:
    if id_or_name.startswith(PREFIX):
        id_or_name = plugins.find_data(id_or_name)
    if (builtin := find_builtin(id_or_name)) is not None:
        return _Dataset(builtin.sha256, builtin.name, builtin.info)
    if (stored := find(id_or_name)) is not None:
        return _Dataset(stored.id, stored.name, stored.info)
    raise InvalidInput.at("", unknown("dataset", id_or_name, [*BUILTIN, *names]))


def _usable(request: JobRequest, family: FamilyInfo, info: DatasetInfo) -> Usable:
    data = request.data
    return usable(
        info,
        data,
        split=data.split,
        kinds=family.data_kinds,
        tasks=family.tasks,
        folds=data.split.folds,
    )


def _scale_problems(family: FamilyInfo, scale: str) -> Iterator[Problem]:
    if scale not in family.scales:
        ways = " or ".join(family.scales)
        yield Problem("/data/scale", f"{family.name} takes {ways}, not {scale}")


def _class_weight_problems(weights: ClassWeight | None, usage: Usable) -> Iterator[Problem]:
    if weights is not None and usage.task != "classification":
        detail = "it weighs the classes of a classification, and here is none: leave it out"
        yield Problem("/training/class_weight", detail)
    elif isinstance(weights, dict):
        for name in weights:
            if name not in usage.classes:
                pointer = pointer_to("training", "class_weight", name)
                yield Problem(pointer, unknown("class", name, usage.classes))


def task_metrics(family: FamilyInfo | None, usage: Usable | None) -> dict[str, Direction]:
    """What each epoch can report of the validation part; of any task while it isn't known."""
    if usage is not None:
        return TASKS[usage.task].objectives(len(usage.classes))
    tasks = TASKS if family is None else family.tasks
    return {name: way for task in tasks for name, way in TASKS[task].objectives(2).items()}


def _training(
    training: TrainingRequest, task: Task, metrics: dict[str, Direction]
) -> TrainingRequest:
    """Training as understood: early stopping watches what the task reports."""
    stopping = training.early_stopping
    if stopping is None:
        return training
    if "monitor" not in stopping.model_fields_set:
        watching = stopping.model_copy(update={"monitor": task.monitor})
        return training.model_copy(update={"early_stopping": watching})
    known = [*metrics, *(name.removeprefix("val_") for name in metrics)]
    if stopping.monitor not in known:
        detail = unknown("metric", stopping.monitor, known)
        raise InvalidInput.at("/early_stopping/monitor", detail)
    return training
