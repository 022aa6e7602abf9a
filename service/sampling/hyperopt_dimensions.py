"""A parameter in Hyperopt's terms: its `hp` expression, and the way there and back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import log
from typing import Any

from hyperopt import hp
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from kerasearch.searchspaces.parameters import Float, Normal, Parameter
from kerasearch.service.sampling.distributions import latent_of, value_of

Expression = Any  # a node of Hyperopt's graph; Hyperopt has no types


@dataclass(frozen=True)
class Dimension:
    """One parameter as Hyperopt draws it.

    Attributes:
        observe: Optuna's value to Hyperopt's.
        propose: Hyperopt's value to Optuna's, inside the distribution.
    """

    expression: Expression
    observe: Callable[[Any], Any]
    propose: Callable[[Any], Any]


def dimension_of(
    name: str, distribution: BaseDistribution, parameter: Parameter | None
) -> Dimension:
    """Hyperopt's equal of a distribution: the same support, the same density.

    When the search space is known, `parameter` is its parameter and `distribution` the latent one:
    what Hyperopt itself draws rounded or normal is then drawn so.
    """
    expression = _own_expression(name, parameter)
    if parameter is not None and expression is not None:
        return Dimension(
            expression,
            observe=partial(value_of, parameter),
            propose=lambda value: latent_of(parameter, float(value)),
        )
    match distribution:
        case CategoricalDistribution():
            return Dimension(
                # The node of hp.choice, without the switch that nobody evaluates here.
                hp.randint(name, len(distribution.choices)),
                observe=lambda value: int(distribution.to_internal_repr(value)),
                propose=lambda index: distribution.choices[int(index)],
            )
        case IntDistribution(log=True):
            low, high = log(distribution.low - 0.5), log(distribution.high + 0.5)
            return _numeric(hp.qloguniform(name, low, high, 1), distribution)
        case IntDistribution() | FloatDistribution(step=float()):
            return _grid(name, distribution)
        case FloatDistribution(log=True):
            low, high = log(distribution.low), log(distribution.high)
            return _numeric(hp.loguniform(name, low, high), distribution)
        case FloatDistribution():
            return _numeric(hp.uniform(name, distribution.low, distribution.high), distribution)
    raise TypeError(f"Hyperopt has no equal of {distribution!r}")


def _own_expression(name: str, parameter: Parameter | None) -> Expression | None:
    """Hyperopt's distribution of a parameter, where Optuna has none of the kind."""
    match parameter:
        case Float(log=False, round_to=float(unit)):
            return hp.quniform(name, parameter.low, parameter.high, unit)
        case Float(log=True, round_to=float(unit)):
            return hp.qloguniform(name, log(parameter.low), log(parameter.high), unit)
        case Normal(log=False, step=None):
            return hp.normal(name, parameter.mean, parameter.std)
        case Normal(log=True, step=None):
            return hp.lognormal(name, parameter.mean, parameter.std)
        case Normal(log=False, step=float(unit)):
            return hp.qnormal(name, parameter.mean, parameter.std, unit)
        case Normal(log=True, step=float(unit)):
            return hp.qlognormal(name, parameter.mean, parameter.std, unit)
    return None


def _numeric(
    expression: Expression, distribution: IntDistribution | FloatDistribution
) -> Dimension:
    number = int if isinstance(distribution, IntDistribution) else float
    return Dimension(
        expression,
        observe=float,
        propose=lambda value: number(_clip(value, distribution)),  # exp(log(high)) may pass high
    )


def _grid(name: str, distribution: IntDistribution | FloatDistribution) -> Dimension:
    """The grid's index, half a step more at both ends, so that every point is as likely.

    The q of hp.quniform rounds to multiples of q, which miss a grid that starts elsewhere.
    """
    low, step = distribution.low, distribution.step or 1
    last = round((distribution.high - low) / step)
    return Dimension(
        hp.quniform(name, -0.5, last + 0.5, 1),
        observe=lambda value: round((value - low) / step),
        propose=lambda index: _clip(low + min(max(int(index), 0), last) * step, distribution),
    )


def _clip(value: Any, distribution: IntDistribution | FloatDistribution) -> Any:
    return min(max(value, distribution.low), distribution.high)
