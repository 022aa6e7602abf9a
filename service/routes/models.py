"""Model families, and spaces tried out without a job."""

from random import Random
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel

from kerasearch.models import FAMILIES, FamilyInfo
from kerasearch.searchspaces import Params, SearchSpace, default_space
from kerasearch.searchspaces.problems import unknown
from kerasearch.searchspaces.training import DEFAULTS
from kerasearch.service.errors import NotFound
from kerasearch.service.jobs import Budget, TrainingRequest

router = APIRouter(prefix="/v1", tags=["models"])

SAMPLES = 10


class Model(BaseModel):
    """A model family: what it is for, what it may be asked, and what it does unasked.

    Attributes:
        space: Its default search space; a job's space replaces what it names.
        training: What is used where neither space nor job says otherwise.
    """

    name: str
    task: str
    description: str
    data_kinds: tuple[str, ...]
    space: dict[str, object]
    training: dict[str, object]


class Models(BaseModel):
    items: list[Model]
    next: None = None


class TriedSpace(BaseModel):
    """A space as understood.

    Attributes:
        size: Distinct configurations; None when infinite.
    """

    space: dict[str, object]
    size: int | None
    samples: list[Params]


@router.get("/models")
def models() -> Models:
    return Models(items=[_shown(family) for family in FAMILIES.values()])


@router.get("/models/{name}")
def model(name: str) -> Model:
    if name not in FAMILIES:
        raise NotFound(unknown("model family", name, FAMILIES))
    return _shown(FAMILIES[name])


@router.post("/spaces")
def try_space(space: Annotated[dict[str, object], Body()]) -> TriedSpace:
    """Understand a space and draw from it; nothing is stored."""
    understood = SearchSpace.parse(space)
    draw = Random(0)  # noqa: S311 - samples to look at
    return TriedSpace(
        space=understood.canonical(),
        size=understood.size(),
        samples=[understood.sample(draw) for _ in range(SAMPLES)],
    )


def _shown(family: FamilyInfo) -> Model:
    return Model(
        name=family.name,
        task=family.task,
        description=family.description,
        data_kinds=tuple(family.data_kinds),
        space=default_space(family.name).canonical(),
        training={
            **DEFAULTS,
            "epochs": Budget().epochs,
            **TrainingRequest().model_dump(mode="json"),
        },
    )
