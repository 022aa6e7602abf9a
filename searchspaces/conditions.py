"""Conditions between parameters: a space laid over a default one, checked and put in order."""

from collections.abc import Collection, Iterator, Mapping

from kerasearch.searchspaces.parameters import Choice, Int, Parameter, Value, When, identity
from kerasearch.searchspaces.problems import Problem, pointer_to, unknown

Readable = Mapping[str, Parameter | None]
"""Parameters by name; None for one that couldn't be read, about which nothing more is said."""


def holds(when: When, params: Mapping[str, Value]) -> bool:
    """Whether a condition holds among params of which all are active."""
    return all(
        parent in params and identity(params[parent]) in {identity(value) for value in values}
        for parent, values in (when or {}).items()
    )


def describe_when(when: When) -> str:
    """A condition in words: `cell is lstm or gru, layers is 2`."""
    return ", ".join(
        f"{parent} is {' or '.join(str(value) for value in values)}"
        for parent, values in (when or {}).items()
    )


def resolve(
    own: Readable, defaults: Mapping[str, Parameter]
) -> tuple[dict[str, Parameter], list[Problem]]:
    """Own parameters over default ones, parents before children, and what is wrong with them.

    A condition that `own` states must be able to come true. One that comes from the defaults is
    narrowed to what its parents can be here; when nothing is left of it, a default parameter is
    left out, and an own one is a problem, since its author expects it to be searched.
    """
    stated = {name for name, p in own.items() if p is not None and p.when is not None}
    merged: dict[str, Parameter | None] = {**defaults, **own}
    for name in own.keys() & defaults.keys() - stated:
        if (parameter := own[name]) is not None:
            merged[name] = parameter.model_copy(update={"when": defaults[name].when})
    order, problems = _parents_first(merged, stated)
    if problems:
        return {}, problems
    resolved: dict[str, Parameter] = {}
    for name in order:
        parameter = merged[name]
        if parameter is None:
            continue
        when = parameter.when or {}
        if name in stated:
            problems += _stated_problems(name, when, merged, resolved)
            resolved[name] = parameter
            continue
        undecidable = [parent for parent in when if not _decides(merged.get(parent))]
        problems += [
            Problem(
                pointer_to(p), f"decides whether {name} is active, so it must be a choice or int"
            )
            for p in undecidable
        ]
        narrowed = {
            parent: tuple(value for value in values if _can_be(parent, value, merged, resolved))
            for parent, values in when.items()
        }
        if all(narrowed.values()) or undecidable:
            when_here = None if parameter.when is None else narrowed
            resolved[name] = parameter.model_copy(update={"when": when_here})
        elif name in own:
            detail = (
                f"can never be active, for it needs that {describe_when(when)}; "
                "leave it out, or say 'when: {}' to have it always"
            )
            problems.append(Problem(pointer_to(name), detail))
    return resolved, problems


def _parents_first(
    parameters: Readable, stated: Collection[str]
) -> tuple[list[str], list[Problem]]:
    """Names as given, except that parents come before; and a problem for each circle."""
    order: dict[str, None] = {}
    problems = []
    path: list[str] = []

    def visit(name: str) -> None:
        parameter = parameters.get(name)
        if name in path:
            circle = path[path.index(name) :]
            # Defaults go in no circle by themselves, so one of it was stated.
            child = next(member for member in circle if member in stated)
            detail = f"conditions go in a circle: {' -> '.join([*circle, name])}; drop one of them"
            problems.append(Problem(pointer_to(child, "when"), detail))
        elif name in parameters and name not in order:
            path.append(name)
            for parent in (parameter.when if parameter else None) or ():
                visit(parent)
            path.pop()
            order[name] = None

    for name in parameters:
        visit(name)
    return [*order], problems


def _decides(parent: Parameter | None) -> bool:
    return parent is None or isinstance(parent, Choice | Int)


def _can_be(name: str, value: Value, merged: Readable, resolved: Mapping[str, Parameter]) -> bool:
    if name in merged and merged[name] is None:
        return True
    return name in resolved and not refusal(resolved[name], value)


def refusal(parameter: Parameter, value: Value) -> str:
    """Why a parameter can't have a value; empty where it can."""
    try:
        parameter.allow(value)
    except ValueError as error:
        return str(error)
    return ""


def _stated_problems(
    name: str, when: Mapping[str, tuple[Value, ...]], merged: Readable, resolved: Readable
) -> Iterator[Problem]:
    for parent, values in when.items():
        pointer = pointer_to(name, "when", parent)
        parameter = merged.get(parent)
        if parent not in merged:
            yield Problem(pointer, unknown("parameter", parent, merged.keys() - {name}))
        elif parameter is None:
            continue
        elif not _decides(parameter):
            detail = f"{parent} must be a choice or int to decide whether another is active"
            yield Problem(pointer, detail)
        elif parent not in resolved:
            yield Problem(pointer, f"{parent} can never be active here; drop this condition")
        else:
            for index, value in enumerate(values):
                if why := refusal(parameter, value):
                    yield Problem(f"{pointer}/{index}", f"{parent} {why}")
