"""Quasi-random points, one for each number of a trial."""

from typing import Any, Literal

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import QMCSampler, RandomSampler
from optuna.trial import FrozenTrial

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import to_optuna


class NumberedQmcSampler(QMCSampler):
    """Optuna's QMCSampler; trial k has the sequence's point k, in every parameter of the space.

    Optuna counts the points in the study, where a restart loses the count, draws the first trial
    at random, and leaves out what the first trial doesn't have. Here an inactive parameter's
    coordinate goes unused: the others are as evenly spread as without it.
    """

    def __init__(
        self,
        space: SearchSpace,
        number: int,
        *,
        seed: int,
        qmc_type: Literal["sobol", "halton"],
        scramble: bool,
    ) -> None:
        super().__init__(
            qmc_type=qmc_type,
            scramble=scramble,
            seed=seed,
            independent_sampler=RandomSampler(seed),
            warn_independent_sampling=False,
        )
        self._space = space
        self._number = number

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        every = {name: to_optuna(p) for name, p in self._space.parameters.items()}
        return {
            name: distribution for name, distribution in every.items() if not distribution.single()
        }

    def _find_sample_id(self, study: Study, search_space: dict[str, Any]) -> int:
        return self._number
