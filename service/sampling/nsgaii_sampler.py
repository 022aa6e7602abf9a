"""NSGA-II whose generations are read off the trials, so that nothing but they is to be kept."""

from optuna import Study
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial, TrialState


class GenerationalSampler(NSGAIISampler):
    """Optuna's NSGA-II; the i-th complete trial is of generation `i // population_size`.

    Optuna notes at each trial which generation it was made in, and that is lost with a study. By
    count, a trial that ran long may fall into a later generation than its parents'; survivors are
    selected from both, so nothing is lost by it.
    """

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        return len(_complete(study)) // self._size

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        return _complete(study)[generation * self._size : (generation + 1) * self._size]

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        # Optuna recurses through the generations, which ends at some 300 of them.
        survivors: list[FrozenTrial] = []
        for earlier in range(generation):
            population = self.get_population(study, earlier) + survivors
            survivors = self._elite_population_selection_strategy(study, population)
        return survivors

    @property
    def _size(self) -> int:
        return self.population_size or 1


def _complete(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
