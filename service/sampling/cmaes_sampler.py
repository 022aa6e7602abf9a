"""CMA-ES whose state is computed from the trials, so that nothing but they is to be kept."""

import math
from collections.abc import Mapping
from typing import Any

import cmaes
import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import to_optuna

Number = FloatDistribution | IntDistribution

_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)

WORST = 1e300  # a cost for a trial without a value: it is ranked, never computed with


class CmaEsSampler(BaseSampler):
    """CMA-ES by the `cmaes` package, as Optuna's sampler of the name has it.

    Optuna keeps the optimizer pickled in the study. Here it goes through the ended trials anew for
    each proposal, `popsize` a generation in the order of their numbers: so it may learn from
    trials that it did not propose, and those without a value rank last.

    Args:
        space: CMA-ES draws the numbers that are active in every trial.
        others: Draws choices and what isn't always active.
    """

    def __init__(
        self,
        space: SearchSpace,
        others: BaseSampler,
        *,
        seed: int,
        popsize: int | None,
        sigma0: float,
        lr_adapt: bool,
    ) -> None:
        self._numbers = always_active_numbers(space)
        self._others = others
        self._optimizer = cmaes.CMA(
            mean=np.full(len(self._numbers), 0.5),
            sigma=sigma0,
            bounds=np.tile([0.0, 1.0], (len(self._numbers), 1)),
            n_max_resampling=10 * len(self._numbers),
            seed=seed,
            population_size=popsize,
            lr_adapt=lr_adapt,
        )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {**self._numbers}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        sign = -1.0 if study.direction is StudyDirection.MAXIMIZE else 1.0
        told = [
            (
                _to_unit(past.params, self._numbers),
                WORST if past.value is None else sign * past.value,
            )
            for past in study.get_trials(deepcopy=False, states=_ENDED)
        ]
        size = self._optimizer.population_size
        for start in range(0, len(told) - size + 1, size):
            self._optimizer.tell(told[start : start + size])
        point = self._optimizer.ask()
        return {
            name: _from_unit(share, distribution)
            for share, (name, distribution) in zip(point, self._numbers.items(), strict=True)
        }

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._others.sample_independent(study, trial, param_name, param_distribution)


def always_active_numbers(space: SearchSpace) -> dict[str, Number]:
    """The latent distributions that CMA-ES can draw from."""
    latent = {name: to_optuna(p) for name, p in space.parameters.items() if not p.when}
    return {
        name: distribution
        for name, distribution in latent.items()
        if isinstance(distribution, FloatDistribution | IntDistribution)
        and distribution.low < distribution.high
    }


def _bounds(distribution: Number) -> tuple[float, float]:
    """Of the interval that is shared out among the values, on the scale they are even on."""
    half = 0.5 * (distribution.step or 0) if isinstance(distribution, IntDistribution) else 0.0
    low, high = distribution.low - half, distribution.high + half
    return (math.log(low), math.log(high)) if distribution.log else (low, high)


def _to_unit(params: Mapping[str, Any], numbers: Mapping[str, Number]) -> NDArray[np.float64]:
    shares = []
    for name, distribution in numbers.items():
        low, high = _bounds(distribution)
        value = math.log(params[name]) if distribution.log else params[name]
        shares.append((value - low) / (high - low))
    return np.array(shares)


def _from_unit(share: float, distribution: Number) -> float | int:
    low, high = _bounds(distribution)
    value = low + float(share) * (high - low)
    if distribution.log:
        value = math.exp(value)
    if isinstance(distribution, IntDistribution):
        step = distribution.step
        value = distribution.low + round((value - distribution.low) / step) * step
    return min(max(value, distribution.low), distribution.high)
