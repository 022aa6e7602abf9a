"""Parameters that set what training reads under a name of their own.

So each optimizer can have its own learning rate: `sgd_lr`, of its own range and condition, `sets`
`learning_rate`. Only one parameter may be active that sets a name; a parameter of that very name is
one of them.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

from kerasearch.searchspaces.conditions import Readable
from kerasearch.searchspaces.parameters import MAX_VALUES, Choice, Int, Parameter, Value, identity
from kerasearch.searchspaces.problems import Problem, pointer_to, unknown
from kerasearch.searchspaces.training import TRAINING_NUMBERS, TRAINING_PARAMETERS


def setter_problems(parameters: Readable) -> Iterator[Problem]:
    """What can't be set, and by whom."""
    for name, parameter in parameters.items():
        if parameter is None or parameter.sets is None:
            continue
        pointer = pointer_to(name, "sets")
        if parameter.sets not in TRAINING_NUMBERS:
            kind = "number that training reads"
            yield Problem(pointer, unknown(kind, parameter.sets, TRAINING_NUMBERS))
        if name in TRAINING_PARAMETERS:
            detail = f"training reads {name} itself; give what sets {parameter.sets} another name"
            yield Problem(pointer, detail)


def beside_setters(own: Readable, defaults: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Default parameters, as far as no own one sets the same.

    Where the own ones all depend on one parent alone, a default one stays for its other values:
    beside an `sgd_lr` the default learning rate is the other optimizers'. Else it is left out.
    """
    setters: dict[str, list[Parameter]] = {}
    for name, parameter in own.items():
        if parameter is not None:
            setters.setdefault(parameter.sets or name, []).append(parameter)
    beside: dict[str, Parameter] = {}
    for name, default in defaults.items():
        others = setters.get(default.sets or name, [])
        left = default if name in own or not others else _left(default, others, {**defaults, **own})
        if left is not None:
            beside[name] = left
    return beside


def _left(default: Parameter, setters: list[Parameter], parameters: Readable) -> Parameter | None:
    """A default parameter for the values of the setters' only parent that activate none of them."""
    conditions = [setter.when or {} for setter in setters]
    parents = {parent for when in conditions for parent in when}
    if len(parents) != 1 or not all(conditions):
        return None
    (parent,) = parents
    taken = {identity(value) for when in conditions for value in when[parent]}
    when = default.when or {}
    values = when.get(parent) or _values(parameters.get(parent))
    left = tuple(value for value in values if identity(value) not in taken)
    return default.model_copy(update={"when": {**when, parent: left}}) if left else None


def _values(parameter: Parameter | None) -> tuple[Value, ...]:
    """All values of a parent, none if they can't be listed in a condition."""
    match parameter:
        case Choice(values=values):
            return values
        case Int(low=low, high=high, step=step) if parameter.count() <= MAX_VALUES:
            return tuple(range(low, high + 1, step or 1))
    return ()


def overlaps(parameters: Mapping[str, Parameter]) -> list[Problem]:
    """A problem for each pair that set the same name and can be active together.

    Args:
        parameters: Parents before children.
    """
    needs: dict[str, _Needs] = {}
    for name, parameter in parameters.items():
        when = parameter.when or {}
        needs[name] = _both(
            {parent: frozenset(map(identity, values)) for parent, values in when.items()},
            *(needs[parent] for parent in when),
        )
    problems = []
    for one, other in combinations(parameters, 2):
        name = parameters[one].sets or one
        if (parameters[other].sets or other) == name and all(
            _both(needs[one], needs[other]).values()
        ):
            setter = other if parameters[other].sets else one
            detail = (
                f"{one} and {other} would both set {name}: "
                "give them a 'when' that keeps them from being active together"
            )
            problems.append(Problem(pointer_to(setter, "sets"), detail))
    return problems


_Needs = dict[str, frozenset[tuple[bool, Value]]]
"""Ancestors of a parameter, and the values that each must have one of for it to be active."""


def _both(*needs: _Needs) -> _Needs:
    both: _Needs = {}
    for one in needs:
        for name, values in one.items():
            both[name] = both[name] & values if name in both else values
    return both
