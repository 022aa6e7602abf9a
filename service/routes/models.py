"""Model families, and spaces tried out without a job."""

from random import Random
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel

from kerasearch.models import FAMILIES, FamilyInfo
from kerasearch.searchspaces import Params, SearchSpace
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.searchspaces.schema import space_schema
from kerasearch.searchspaces.training import DEFAULTS
from kerasearch.service.errors import NotFound
from kerasearch.service.jobs import Budget, TrainingRequest
from kerasearch.service.plugins import Plugins
from kerasearch.service.routes.context import Ctx
from kerasearch.service.spaces import space_over_default
from kerasearch.service.submission import find_family

router = APIRouter(prefix="/v1", tags=["models"])

SAMPLES = 10


class Model(BaseModel):
    """A model family: what it is for, what it may be asked, and what it does unasked.

    Attributes:
        space: Its default search space; a job's space replaces what it names.
        training: What is used where neither space nor job says otherwise.
        error: Why it can't be used: a plugin's code fails, or is still being read.
    """

    name: str
    task: str
    tasks: tuple[str, ...]
    description: str
    data_kinds: tuple[str, ...]
    space: dict[str, object]
    training: dict[str, object]
    error: str | None = None


class Models(BaseModel):
    items: list[Model]
    next: None = None


class TriedSpace(BaseModel):
    """A space as understood.

    Attributes:
        size: Distinct configurations; None when infinite.
        branches: The same, a parameter of infinitely many values counted as if it had one.
    """

    space: dict[str, object]
    size: int | None
    branches: int
    samples: list[Params]


@router.get("/models")
def models(ctx: Ctx) -> Models:
    """Families first, then the plugins, those that can't be used last."""
    plugins = Plugins.of(ctx.settings)
    families = [*FAMILIES.values(), *plugins.models()]
    disabled = [_disabled(name, why) for name, why in plugins.troubles()]
    return Models(items=[*map(_shown, families), *disabled])


@router.get("/models/{name}")
def model(name: str, ctx: Ctx) -> Model:
    found = {model.name: model for model in models(ctx).items}
    if name not in found:
        raise NotFound(unknown("model family", name, found))
    return found[name]


@router.post("/spaces")
def try_space(
    space: Annotated[dict[str, object], Body()], ctx: Ctx, model: str | None = None
) -> TriedSpace:
    """Understand a space and draw from it; nothing is stored.

    With a model, a family or a plugin's, it is the whole space of a job of that model.
    """
    if model is None:
        understood = SearchSpace.parse(space)
    else:
        try:
            family = find_family(model, Plugins.of(ctx.settings))
        except InvalidInput as error:
            raise error.under("/model") from None
        understood = space_over_default(family, space)
    draw = Random(0)  # noqa: S311 - samples to look at
    return TriedSpace(
        space=understood.canonical(),
        size=understood.size(),
        branches=understood.branches(),
        samples=[understood.sample(draw) for _ in range(SAMPLES)],
    )


@router.get("/spaces/schema")
def schema() -> dict[str, object]:
    """JSON Schema of a space in every form, for editors."""
    return space_schema()


def _shown(family: FamilyInfo) -> Model:
    defaults = {**DEFAULTS, "epochs": Budget().epochs}
    return Model(
        name=family.name,
        task=family.tasks[0],
        tasks=family.tasks,
        description=family.description,
        data_kinds=tuple(family.data_kinds),
        space=family.space.canonical(),
        training={
            **{name: value for name, value in defaults.items() if name in family.training},
            **TrainingRequest().model_dump(mode="json"),
        },
    )


def _disabled(name: str, why: str) -> Model:
    nothing: dict[str, object] = {}
    return Model(
        name=name,
        task="",
        tasks=(),
        description="",
        data_kinds=(),
        space=nothing,
        training=nothing,
        error=why,
    )
