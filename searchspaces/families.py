"""Model families as far as search spaces know them: their default spaces, and what fits them."""

from collections.abc import Collection, Iterator, Mapping
from importlib import import_module

from kerasearch.searchspaces.conditions import describe_when, holds, refusal
from kerasearch.searchspaces.domains import domain_of
from kerasearch.searchspaces.narrowing import outside
from kerasearch.searchspaces.parameters import Choice, Parameter
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.searchspaces.training import TRAINING_PARAMETERS, training_problems
from kerasearch.searchspaces.values import Value
from kerasearch.searchspaces.windows import VALUES_OF_DATA, WINDOWS

SPACES = {
    "autoencoder": "kerasearch.searchspaces.autoencoder:SPACE",
    "cnn": "kerasearch.searchspaces.cnn:SPACE",
    "collaborative_autoencoder": "kerasearch.searchspaces.collaborative_autoencoder:SPACE",
    "conv1d": "kerasearch.searchspaces.conv1d:SPACE",
    "dbn": "kerasearch.searchspaces.dbn:SPACE",
    "mlp": "kerasearch.searchspaces.mlp:SPACE",
    "neural_stack": "kerasearch.searchspaces.neural_stack:SPACE",
    "rbm": "kerasearch.searchspaces.rbm:SPACE",
    "recurrent": "kerasearch.searchspaces.recurrent:SPACE",
    "som": "kerasearch.searchspaces.som:SPACE",
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


def of_kind(space: SearchSpace, family: str, kind: str) -> SearchSpace:
    """A family's default space where the data is of some kind: that may bring or take parameters.

    Args:
        space: The family's default.
        family: Its name.
        kind: Of the data.
    """
    module = SPACES.get(family, "").partition(":")[0]
    own = getattr(import_module(module), "BY_KIND", {}) if module else {}
    changes = {**WINDOWS.get(kind, {}), **own.get(kind, {})}
    parameters = {**space.parameters, **changes}
    return SearchSpace.parse({name: p for name, p in parameters.items() if p is not None})


def space_for(
    family: str,
    raw: Mapping[str, object],
    defaults: SearchSpace | None = None,
    training: Collection[str] = TRAINING_PARAMETERS,
) -> SearchSpace:
    """The space that a job searches: `raw` over the family's default, fit for model and training.

    Args:
        family: Its name.
        raw: What the job says.
        defaults: The default space of a family that `SPACES` doesn't have.
        training: Those of `TRAINING_PARAMETERS` that training reads in this family.

    Raises:
        InvalidInput: It is no space, names a parameter that the family doesn't read, or has values
            that the model or training can't use.
    """
    defaults = default_space(family) if defaults is None else defaults
    known = [*dict.fromkeys((*defaults.parameters, *training))]
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
        if (parameter.sets or name) in training:
            problems += training_problems(name, parameter)
        elif parameter.sets:
            detail = f"{family} sets {parameter.sets} itself: name one of {', '.join(training)}"
            problems.append(Problem(pointer_to(name, "sets"), detail))
        if name in defaults.parameters and name not in training:
            unfit = [*_family_problems(family, name, space, defaults)]
            problems += unfit or _value_problems(family, name, parameter, defaults.parameters[name])
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
    if isinstance(default, Choice) and any(isinstance(value, float) for value in default.values):
        needed = NUMBERS  # 0.0 stands for any number
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


def _value_problems(
    family: str, name: str, parameter: Parameter, default: Parameter
) -> Iterator[Problem]:
    """Values of which it is known beforehand that every model with them fails."""
    if family not in SPACES:
        if why := outside(parameter, default):
            detail = f"the plugin's {name} {why}: a job's space narrows it"
            yield Problem(pointer_to(name), detail)
        return
    module = SPACES[family].partition(":")[0]
    known = {**VALUES_OF_DATA, **getattr(import_module(module), "VALUES", {})}.get(name)
    domain = domain_of(name)
    if known is not None and isinstance(parameter, Choice):
        for value in parameter.values:
            if isinstance(value, str) and value not in known:
                yield Problem(pointer_to(name), unknown(name, value, known))
    elif domain is not None and not domain.admits(parameter):
        yield Problem(pointer_to(name), f"{name} must be {domain}, and {parameter} isn't always")


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
