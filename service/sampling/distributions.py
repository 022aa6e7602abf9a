"""A parameter as Optuna draws it, and as a person reads it.

Optuna draws a *latent* value from one of its three distributions; the parameter's value is a
function of it. Choices are drawn by index, because Optuna takes True for 1; grids of floats too,
because only the space knows their points exactly; what is rounded is drawn before; and a normal
is drawn as its quantile.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from kerasearch.searchspaces.parameters import (
    Choice,
    Float,
    Int,
    Normal,
    Parameter,
    Value,
    identity,
)
from kerasearch.searchspaces.space import SearchSpace

Latent = int | float

TAIL = 1e-15  # cut off a normal's ends, at 7.94 standard deviations: doubles near 1 are 1e-16 apart


def to_optuna(parameter: Parameter) -> BaseDistribution:
    """The distribution of the parameter's latent value."""
    match parameter:
        case Choice():
            return CategoricalDistribution(range(len(parameter.values)))
        case Int():
            return IntDistribution(
                parameter.low, parameter.high, log=parameter.log, step=parameter.step or 1
            )
        case Float(step=float()):
            return IntDistribution(0, (parameter.count() or 1) - 1)
        case Float():
            return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        case Normal():
            return FloatDistribution(TAIL, 1 - TAIL)


def always_active(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The latent distributions of parameters that every trial has."""
    return {name: to_optuna(p) for name, p in space.parameters.items() if not p.when}


def value_of(parameter: Parameter, latent: Latent) -> Value:
    """The value that a person sees."""
    match parameter:
        case Choice():
            return parameter.values[int(latent)]
        case Int():
            return int(latent)
        case Float(step=float(step)):
            return parameter.allow(parameter.low + latent * step)
        case Float():
            return parameter.rounded(latent)
        case Normal():
            drawn = NormalDist(parameter.mean, parameter.std).inv_cdf(latent)
            return _rounded(math.exp(drawn) if parameter.log else drawn, parameter.step)


def latent_of(parameter: Parameter, value: Value) -> Latent:
    """A latent value that gives this value; the nearest there is in a normal's cut ends."""
    if isinstance(parameter, Choice):
        return [identity(own) for own in parameter.values].index(identity(value))
    number = _number(value)
    match parameter:
        case Int():
            return int(number)
        case Float(step=float(step)):
            return round((number - parameter.low) / step)
        case Float():
            return min(max(number, parameter.low), parameter.high)
        case Normal():
            if parameter.log:
                number = math.log(number) if number > 0 else -math.inf
            quantile = NormalDist(parameter.mean, parameter.std).cdf(number)
            return min(max(quantile, TAIL), 1 - TAIL)


def to_display(parameter: Parameter, values: Iterable[Value]) -> BaseDistribution:
    """A distribution of the values themselves, for pictures; it holds all of `values`."""
    if isinstance(parameter, Choice):
        return CategoricalDistribution(parameter.values)
    numbers = [_number(value) for value in values]
    numbers += [bound for bound in parameter.bounds() if math.isfinite(bound)]
    low, high = min(numbers), max(numbers)
    log = parameter.log and low > 0  # rounding may bring a log parameter to 0
    if isinstance(parameter, Int):
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def _rounded(number: float, unit: float | None) -> float:
    return number if unit is None else round(number / unit) * unit


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number is needed here, not {value!r}")
    return value
