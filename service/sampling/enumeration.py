"""Every configuration of a finite space, one after another."""

from collections.abc import Iterator

from kerasearch.searchspaces.parameters import Choice, Float, Normal, Parameter, Params, Value
from kerasearch.searchspaces.space import SearchSpace


def configurations(space: SearchSpace) -> Iterator[Params]:
    """Each configuration once, lazily: the first ones of a huge space cost nothing.

    Raises:
        ValueError: An active parameter has infinitely many values.
    """
    return _extend({}, space, tuple(space.parameters))


def _extend(params: Params, space: SearchSpace, names: tuple[str, ...]) -> Iterator[Params]:
    """Every way to go on from `params` with the parameters that are left, parents first."""
    if not names:
        yield params
        return
    name, *rest = names
    if not space.is_active(name, params):
        yield from _extend(params, space, tuple(rest))
        return
    for value in _values(space.parameters[name]):
        yield from _extend({**params, name: value}, space, tuple(rest))


def _values(parameter: Parameter) -> Iterator[Value]:
    count = parameter.count()
    if isinstance(parameter, Normal) or count is None:
        raise ValueError(f"{parameter} has infinitely many values")
    if isinstance(parameter, Choice):
        yield from parameter.values
        return
    least, _ = parameter.bounds()
    unit = parameter.step or (parameter.round_to if isinstance(parameter, Float) else None) or 1
    for index in range(count):
        yield parameter.allow(least + index * unit)
