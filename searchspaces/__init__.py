"""Search spaces: the language, and the default space of every model family."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from kerasearch.searchspaces.parameters import (
    ANYTHING,
    NUMBERS,
    WHOLE,
    Choice,
    Parameter,
    Params,
    values_are,
)
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.searchspaces.training import TRAINING_PARAMETERS, training_problems

__all__ = [
    "SPACES",
    "InvalidInput",
    "Params",
    "Problem",
    "SearchSpace",
    "default_space",
    "space_for",
]

SPACES = {
    "mlp": "kerasearch.searchspaces.mlp:SPACE",
    "recurrent": "kerasearch.searchspaces.recurrent:SPACE",
}
"""Model family to its default space, imported on use."""


def default_space(family: str) -> SearchSpace:
    """The space of a family where a job says nothing.

    Raises:
        InvalidInput: No such family.
    """
    if family not in SPACES:
        raise InvalidInput.at("", unknown("model family", family, SPACES))
    module, _, name = SPACES[family].partition(":")
    space = getattr(import_module(module), name)
    if not isinstance(space, SearchSpace):
        raise TypeError(f"{SPACES[family]} must be a SearchSpace, not {type(space).__name__}")
    return space


def space_for(family: str, raw: Mapping[str, object]) -> SearchSpace:
    """The space that a job searches: `raw` over the family's default, fit for model and training.

    Raises:
        InvalidInput: It is no space, names a parameter that the family doesn't read, or has values
            that the model or training can't use.
    """
    defaults = default_space(family)
    known = {*defaults.parameters, *TRAINING_PARAMETERS}
    problems = [
        Problem(pointer_to(name), unknown(f"parameter of {family}", str(name), known))
        for name in raw
        if name not in known
    ]
    try:
        space = SearchSpace.parse(raw, defaults)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from None
    for name, parameter in space.parameters.items():
        if name in TRAINING_PARAMETERS:
            problems += training_problems(name, parameter)
        elif name in known:
            problems += _family_problems(family, name, parameter, defaults)
    if problems:
        raise InvalidInput(problems)
    return space


def _family_problems(
    family: str, name: str, parameter: Parameter, defaults: SearchSpace
) -> Iterator[Problem]:
    """Why a model that is built for the default's values can't read this parameter's."""
    default = defaults.parameters[name]
    given, needed = values_are(parameter), values_are(default)
    if needed not in (given, ANYTHING) and (given, needed) != (WHOLE, NUMBERS):
        detail = f"{family} reads {name} as {needed}, and {parameter} gives {given}"
        yield Problem(pointer_to(name), detail)
    elif any(name in (other.when or ()) for other in defaults.parameters.values()):
        # It says which parts the model has, and there are parts for the default's values only.
        for value in parameter.values if isinstance(parameter, Choice) else parameter.bounds():
            try:
                default.allow(value)
            except ValueError as error:
                yield Problem(pointer_to(name), f"{name} {error}")
