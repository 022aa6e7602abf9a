"""CMA-ES is computed from the trials alone, and finds what the cmaes package finds."""

from random import Random

import cmaes
import numpy as np
import pytest
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.parameters import Params
from kerasearch.service.sampling.cmaes_sampler import CmaEsSampler, always_active_numbers
from kerasearch.service.sampling.fitting import numbers_of
from kerasearch.service.sampling.generations import Generations
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.samplers import Sampler
from kerasearch.service.sampling.study import JobStudy
from kerasearch.service.trials import TrialState

FOUR = SearchSpace.parse({f"x{i}": {"type": "float", "low": -1, "high": 1} for i in range(4)})

MIXED = SearchSpace.parse(
    {
        "cell": {"type": "choice", "values": ["lstm", "gru"]},
        "units": {"type": "int", "low": 10, "high": 100, "step": 10},
        "filters": {"type": "int", "low": 1, "high": 64, "log": True},
        "rate": {"type": "float", "low": 1e-6, "high": 0.1, "log": True},
        "grid": {"type": "float", "low": 0, "high": 0.5, "step": 0.1},
        "noise": {"type": "normal", "mean": 0, "std": 1},
        "dense": {"type": "int", "low": 1, "high": 9, "when": {"cell": ["gru"]}},
        "epochs": 5,
    }
)


def _far(params: Params) -> float:
    """A narrow valley, best at 0.3 everywhere."""
    xs = [float(str(x)) - 0.3 for x in params.values()]
    return sum(10**place * (x + 0.5 * sum(xs)) ** 2 for place, x in enumerate(xs))


def test_a_narrow_valley_is_followed_much_further_than_by_chance() -> None:
    def best(sampler: str) -> float:
        study = JobStudy.create(FOUR, ["minimize"], "optuna", sampler, seed=0)
        values = []
        for _ in range(200):
            asked = study.ask()
            values.append(_far(asked.params))
            study.tell(asked.number, values[-1])
        return min(values)

    assert best("cmaes") < 0.05 * best("random")


def test_the_optimizer_is_told_what_the_trials_were() -> None:
    study = JobStudy.create(FOUR, ["maximize"], "optuna", "cmaes", seed=0)
    told = []
    for number in range(16):  # two generations of 8
        params = study.ask().params
        told.append((np.array([(float(str(x)) + 1) / 2 for x in params.values()]), _far(params)))
        study.tell(number, -told[-1][1])
    optimizer = cmaes.CMA(
        mean=np.full(4, 0.5),
        sigma=1 / 6,
        bounds=np.tile([0.0, 1.0], (4, 1)),
        n_max_resampling=40,
        seed=Random("0 16").getrandbits(31),
    )
    for generation in (told[:8], told[8:]):
        optimizer.tell(generation)
    wanted = 2 * optimizer.ask() - 1
    assert [float(str(x)) for x in study.ask().params.values()] == pytest.approx(wanted)


def test_numbers_of_every_kind_are_drawn_and_the_rest_by_another_sampler() -> None:
    assert [*always_active_numbers(MIXED)] == numbers_of(MIXED)
    assert numbers_of(MIXED) == ["units", "filters", "rate", "grid", "noise"]
    study = JobStudy.create(MIXED, ["minimize"], "optuna", "cmaes", seed=0)
    for number in range(40):
        params = study.ask().params
        assert MIXED.check(params) == params
        if number % 5 == 0:
            study.tell_failed(number)
        else:
            study.tell(number, abs(float(str(params["units"])) - 40) - ("dense" in params))


def test_what_draws_choices_is_shown_a_part_of_a_long_history() -> None:
    shown = []

    class Others(RandomSampler):
        def sample_independent(
            self,
            study: Study,
            trial: FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> object:
            shown.append({past.number for past in study.get_trials(deepcopy=False)})
            return super().sample_independent(study, trial, param_name, param_distribution)

    sampler = CmaEsSampler(
        MIXED, Generations(), Others(0), 120, seed=0, popsize=4, sigma0=0.1, lr_adapt=False
    )
    study = JobStudy(MIXED, ["minimize"], Sampler(lambda _: sampler, proposals=1), {}, seed=0)
    rng = Random(0)
    study.replay(
        PastTrial(number, MIXED.sample(rng), TrialState.COMPLETE, (abs(number - 100.0),))
        for number in range(300)
    )
    study.ask()
    assert len(shown[0]) == 120 + 1  # the trial that is asked for runs
    assert {*range(89, 114), *range(276, 301)} <= shown[0]  # the best and the latest, from 1
