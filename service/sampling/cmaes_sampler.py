"""CMA-ES whose state is computed from the trials, so that nothing but they is to be kept."""

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
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
from kerasearch.service.sampling.distributions import always_active
from kerasearch.service.sampling.generations import Generations
from kerasearch.service.sampling.thinning import thinned
from kerasearch.service.sampling.view import view

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
        generations: The optimizer after each, as earlier proposals had it.
        others: Draws choices and what isn't always active.
        most: Ended trials that `others` is shown.
    """

    def __init__(
        self,
        space: SearchSpace,
        generations: Generations[cmaes.CMA],
        others: BaseSampler,
        most: int,
        *,
        seed: int,
        popsize: int | None,
        sigma0: float,
        lr_adapt: bool,
    ) -> None:
        self._numbers = always_active_numbers(space)
        self._generations = generations
        self._others = others
        self._most = most
        self._seed = seed
        self._first = cmaes.CMA(
            mean=np.full(len(self._numbers), 0.5),
            sigma=sigma0,
            bounds=np.tile([0.0, 1.0], (len(self._numbers), 1)),
            n_max_resampling=10 * len(self._numbers),
            population_size=popsize,
            lr_adapt=lr_adapt,
        )
        self._shown_to_others: Study | None = None

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {**self._numbers}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        sign = _sign(study)

        def learn(optimizer: cmaes.CMA, generation: Sequence[FrozenTrial]) -> cmaes.CMA:
            after = deepcopy(optimizer)
            costs = [WORST if past.value is None else sign * past.value for past in generation]
            points = [_to_unit(past.params, self._numbers) for past in generation]
            after.tell([*zip(points, costs, strict=True)])
            return after

        ended = study.get_trials(deepcopy=False, states=_ENDED)
        size = self._first.population_size
        optimizer = deepcopy(self._generations.after(ended, size, self._first, learn))
        optimizer.reseed_rng(self._seed)
        return {
            name: _from_unit(share, distribution)
            for share, (name, distribution) in zip(
                optimizer.ask(), self._numbers.items(), strict=True
            )
        }

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        if self._shown_to_others is None:
            self._shown_to_others = self._thinned(study)
        return self._others.sample_independent(
            self._shown_to_others, trial, param_name, param_distribution
        )

    def _thinned(self, study: Study) -> Study:
        """The same study with a part of its ended trials."""
        sign = _sign(study)
        ended = study.get_trials(deepcopy=False, states=_ENDED)
        costs = {
            place: (sign * past.value,)
            for place, past in enumerate(ended)
            if past.value is not None and past.state is TrialState.COMPLETE
        }
        shown = [ended[place] for place in thinned(range(len(ended)), costs, self._most)]
        shown += study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return view(shown, study.directions, self._others)


def _sign(study: Study) -> float:
    """That makes less better."""
    return -1.0 if study.direction is StudyDirection.MAXIMIZE else 1.0


def always_active_numbers(space: SearchSpace) -> dict[str, Number]:
    """The latent distributions that CMA-ES can draw from."""
    return {
        name: distribution
        for name, distribution in always_active(space).items()
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
