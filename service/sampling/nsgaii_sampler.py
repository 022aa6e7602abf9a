"""NSGA-II whose generations are read off the trials, so that nothing but they is to be kept."""

from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial, TrialState

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import always_active
from kerasearch.service.sampling.generations import Generations

Survivors = list[FrozenTrial]


class GenerationalSampler(NSGAIISampler):
    """Optuna's NSGA-II; the i-th complete trial is of generation `i // population_size`.

    Optuna notes at each trial which generation it was made in, and that is lost with a study. By
    count, a trial that ran long may fall into a later generation than its parents'; survivors are
    selected from both, so nothing is lost by it.

    Args:
        space: What is active in every trial is crossed; Optuna looks for it in all trials.
        generations: The survivors of each, as earlier proposals found them.
        options: As of `NSGAIISampler`.
    """

    def __init__(
        self,
        space: SearchSpace,
        generations: Generations[Survivors],
        *,
        seed: int,
        population_size: int,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, population_size=population_size, **options)
        self._size = population_size
        self._generations = generations
        self._crossed = {
            name: distribution
            for name, distribution in sorted(always_active(space).items())  # as Optuna draws
            if not distribution.single()
        }

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {**self._crossed}

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        return len(_complete(study)) // self._size

    def select_parent(self, study: Study, generation: int) -> Survivors:
        # Optuna recurses through the generations, which ends at some 300 of them.
        def select(parents: Survivors, population: Sequence[FrozenTrial]) -> Survivors:
            return self._elite_population_selection_strategy(study, [*population, *parents])

        return self._generations.after(_complete(study), self._size, [], select)


def _complete(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
