"""Params of a space, suggested by an Optuna trial."""

from typing import cast

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import Latent, to_optuna, value_of


def suggest_params(trial: Trial, space: SearchSpace) -> Params:
    """One configuration, active parameters only, of what the trial's sampler draws."""
    params: Params = {}
    for name, parameter in space.parameters.items():
        if space.is_active(name, params):
            params[name] = value_of(parameter, _suggest(trial, name, to_optuna(parameter)))
    return params


def _suggest(trial: Trial, name: str, distribution: BaseDistribution) -> Latent:
    match distribution:
        case CategoricalDistribution():
            return cast(int, trial.suggest_categorical(name, distribution.choices))  # an index
        case IntDistribution():
            return trial.suggest_int(
                name,
                distribution.low,
                distribution.high,
                step=distribution.step,
                log=distribution.log,
            )
        case FloatDistribution():
            return trial.suggest_float(
                name, distribution.low, distribution.high, log=distribution.log
            )
    raise TypeError(f"nothing is drawn from {distribution!r}")
