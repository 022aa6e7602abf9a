"""Model families as far as search spaces know them: their default spaces, and what fits them."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from kerasearch.searchspaces.conditions import describe_when, holds, refusal
from kerasearch.searchspaces.parameters import Choice, Parameter
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.searchspaces.training import TRAINING_PARAMETERS, training_problems
from kerasearch.searchspaces.values import Value

SPACES = {
    "cnn": "kerasearch.searchspaces.cnn:SPACE",
    "conv1d": "kerasearch.searchspaces.conv1d:SPACE",
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
        for name, value in raw.items()
        if name not in known and not _sets_another(value)
    ]
    try:
        space = SearchSpace.parse(raw, defaults)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from None
    for name, parameter in space.parameters.items():
        problems += training_problems(name, parameter)
        if name in defaults.parameters and name not in TRAINING_PARAMETERS:
            problems += _family_problems(family, name, space, defaults)
    if problems:
        raise InvalidInput(problems)
    return space


def _sets_another(raw: object) -> bool:
    sets = raw.get("sets") if isinstance(raw, Mapping) else getattr(raw, "sets", None)
    return sets is not None


def _family_problems(
    family: str, name: str, space: SearchSpace, defaults: SearchSpace
) -> Iterator[Problem]:
    """Why a model that is built for the default's parameter can't do with the one in `space`."""
    parameter, default = space.parameters[name], defaults.parameters[name]
    given, needed = _kind_of_all(parameter), _kind_of_all(default)
    if parameter.sets:
        detail = f"{family} reads {name} itself; give what sets {parameter.sets} another name"
        yield Problem(pointer_to(name, "sets"), detail)
    elif needed not in (given, ANYTHING) and (given, needed) != (WHOLE, NUMBERS):
        detail = f"{family} reads {name} as {needed}, and {parameter} gives {given}"
        yield Problem(pointer_to(name), detail)
    elif any(name in (other.when or ()) for other in defaults.parameters.values()):
        # It says which parts the model has, and there are parts for the default's values only.
        for value in parameter.values if isinstance(parameter, Choice) else parameter.bounds():
            if why := refusal(default, value):
                yield Problem(pointer_to(name), f"{name} {why}")
    for parent, values in (parameter.when or {}).items():
        read_at = (default.when or {}).get(parent)
        if read_at is None or any(
            not holds({parent: values}, {parent: value})
            and not refusal(space.parameters[parent], value)
            for value in read_at
        ):
            needed = f"when {describe_when(default.when)}" if default.when else "always"
            detail = f"{family} reads {name} {needed}, so it must be active then"
            yield Problem(pointer_to(name, "when", parent), detail)


WHOLE, NUMBERS, ANYTHING = "whole numbers", "numbers", "anything"


def _kind_of_all(parameter: Parameter) -> str:
    """What all values of a parameter are, in words."""
    if not isinstance(parameter, Choice):
        return WHOLE if parameter.is_whole() else NUMBERS
    kinds = {_kind(value) for value in parameter.values}
    if kinds == {WHOLE, NUMBERS}:
        return NUMBERS
    return kinds.pop() if len(kinds) == 1 else ANYTHING


def _kind(value: Value) -> str:
    match value:
        case bool():
            return "true or false"
        case int():
            return WHOLE
        case float():
            return WHOLE if value.is_integer() else NUMBERS
        case str():
            return "texts"
    return "null"
