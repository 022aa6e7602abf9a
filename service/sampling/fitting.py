"""Which sampler fits which search. Imports no library: requests are checked by the API."""

from collections.abc import Iterator
from importlib.util import find_spec

from pydantic import ValidationError

from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.parameters import Choice
from kerasearch.searchspaces.problems import Problem, unknown
from kerasearch.service.jobs import SAMPLERS, SearchRequest
from kerasearch.service.sampling.options import OPTIONS
from kerasearch.service.validation_problems import problems_of

MOST_OF_GRID = 1_000_000
"""Configurations that grid goes through; the most that a study looks at in order."""

NEEDS = {"cmaes": "cmaes", "gp": "torch", "atpe": "lightgbm"}
"""Samplers that need a package which `kerasearch[gp]` and `kerasearch[atpe]` bring."""

LEARN_NOTHING = ("random", "qmc", "grid", "brute_force")


def search_problems(
    search: SearchRequest, space: SearchSpace | None, objectives: int
) -> Iterator[Problem]:
    """What is wrong with a choice of sampler; pointers start at the request's `search`.

    Args:
        search: As posted.
        space: None where it can't be read, about which nothing more is said.
        objectives: How many.
    """
    engine, name = search.engine, search.sampler
    if name not in SAMPLERS[engine]:
        detail = unknown(f"sampler of {engine}", name, SAMPLERS[engine])
        yield Problem("/sampler", detail)
        return
    yield from _option_problems(search)
    if name in NEEDS and find_spec(NEEDS[name]) is None:
        detail = f"{name} needs the package {NEEDS[name]}, which isn't installed: take tpe"
        yield Problem("/sampler", detail)
    if objectives > 1 and (engine == "hyperopt" or name == "cmaes"):
        who = "Hyperopt" if engine == "hyperopt" else name
        detail = f"{who} optimizes one objective, not {objectives}: take nsgaii or tpe of optuna"
        yield Problem("/sampler", detail)
    if search.warm_start and name in LEARN_NOTHING:
        detail = f"{name} learns nothing from trials: take tpe, or leave warm_start out"
        yield Problem("/warm_start", detail)
    if space is None:
        return
    if name in ("grid", "brute_force"):
        yield from _exhaustive_problems(name, space)
    if name == "cmaes" and not numbers_of(space):
        detail = "cmaes draws numbers that every trial has, and here are none: take tpe"
        yield Problem("/sampler", detail)


def numbers_of(space: SearchSpace) -> list[str]:
    """The parameters that CMA-ES can draw: numbers, always active, of several values."""
    return [
        name
        for name, parameter in space.parameters.items()
        if not parameter.when and not isinstance(parameter, Choice) and parameter.count() != 1
    ]


def _option_problems(search: SearchRequest) -> Iterator[Problem]:
    if search.sampler == "auto" and search.options:
        yield Problem("/options", "auto has none: name the sampler that they are for")
        return
    model = OPTIONS[search.engine][search.sampler]
    try:
        model.model_validate(search.options)
    except ValidationError as error:
        for problem in problems_of(error.errors(), model):
            yield problem.under("/options")


def _exhaustive_problems(name: str, space: SearchSpace) -> Iterator[Problem]:
    size = space.size()
    if size is None:
        endless = [key for key, parameter in space.parameters.items() if parameter.count() is None]
        detail = (
            f"{name} tries every configuration, and there is no end to {' and '.join(endless)}: "
            "give it a step, make it a choice, or take qmc or tpe"
        )
        yield Problem("/sampler", detail)
    elif name == "grid" and size > MOST_OF_GRID:
        detail = (
            f"grid goes through {MOST_OF_GRID:,} configurations at most, and these are {size:,}: "
            "take qmc, or tpe"
        )
        yield Problem("/sampler", detail)
