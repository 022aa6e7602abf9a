"""The samplers by engine and name: every pair that `service.jobs.SAMPLERS` offers."""

import warnings
from collections.abc import Callable

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from kerasearch.searchspaces.space import SearchSpace

MakeSampler = Callable[[SearchSpace, int], BaseSampler]
"""A space and a seed to a fresh sampler."""


def _optuna_tpe(space: SearchSpace, seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        # `group` models each branch of a conditional space jointly; without it Optuna would draw
        # all but the parameters common to all trials one by one. Experimental since 2.8.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, group=True)


def _hyperopt(algorithm: str) -> MakeSampler:
    def make(space: SearchSpace, seed: int) -> BaseSampler:
        # Imported on use: a second and 75 MB that an Optuna job needn't pay.
        from kerasearch.service.sampling.hyperopt_sampler import HyperoptSampler

        return HyperoptSampler(algorithm, seed=seed, space=space)

    return make


SAMPLERS: dict[str, dict[str, MakeSampler]] = {
    "optuna": {
        "tpe": _optuna_tpe,
        "random": lambda space, seed: RandomSampler(seed),
    },
    "hyperopt": {
        "tpe": _hyperopt("tpe"),
        "random": _hyperopt("random"),
        "anneal": _hyperopt("anneal"),
    },
}
