"""HyperoptSampler keeps Optuna's contract for samplers, and runs Hyperopt as it is."""

import logging
import math
from collections.abc import Callable
from random import Random

import numpy as np
import optuna
import pytest
from hyperopt import Trials, hp, tpe
from hyperopt.base import Domain
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import to_optuna, value_of
from kerasearch.service.sampling.enumeration import configurations
from kerasearch.service.sampling.hyperopt_sampler import ALGORITHMS, HyperoptSampler

# ATPE takes half a second a proposal, and comes with an extra.
QUICK = sorted(ALGORITHMS.keys() - {"atpe"})
every_algorithm = pytest.mark.parametrize("algorithm", QUICK)


class _OfEveryAlgorithm:
    @pytest.fixture(params=QUICK)
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return lambda: HyperoptSampler(request.param, seed=0)


class TestBasics(_OfEveryAlgorithm, BasicSamplerTestCase):
    pass


class TestRelative(_OfEveryAlgorithm, RelativeSamplerTestCase):
    pass


class TestSingleObjective(_OfEveryAlgorithm, SingleOnlySamplerTestCase):
    """MultiObjectiveSamplerTestCase is left out: Hyperopt minimizes one loss, and we say so."""


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_proposal_is_the_one_that_hyperopt_makes(direction: str) -> None:
    rng = Random(0)
    points = [(rng.random(), rng.random()) for _ in range(30)]
    study = optuna.create_study(direction=direction)
    sign = 1 if direction == "minimize" else -1
    for x, loss in points:
        study.add_trial(
            optuna.create_trial(
                params={"x": x}, distributions={"x": FloatDistribution(0, 1)}, value=sign * loss
            )
        )
    study.sampler = HyperoptSampler("tpe", seed=3)
    ours = study.ask({"x": FloatDistribution(0, 1)}).params["x"]

    trials = Trials()
    miscs = [
        {"tid": tid, "cmd": None, "idxs": {"x": [tid]}, "vals": {"x": [x]}}
        for tid, (x, _) in enumerate(points)
    ]
    results = [{"status": "ok", "loss": loss} for _, loss in points]
    trials.insert_trial_docs(trials.new_trial_docs(range(30), [None] * 30, results, miscs))
    trials.refresh()
    seed = int(np.random.default_rng(3).integers(2**31))
    (document,) = tpe.suggest([30], Domain(None, [hp.uniform("x", 0, 1)]), trials, seed)
    assert ours == document["misc"]["vals"]["x"][0]


@every_algorithm
def test_a_parameter_that_most_trials_lack_is_learned_from_the_others(algorithm: str) -> None:
    study = optuna.create_study(sampler=HyperoptSampler(algorithm, seed=0))

    def objective(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("branch", ["a", "b"]) == "a":
            return abs(trial.suggest_float("x", 0, 1) - 0.3)
        return 1 + abs(trial.suggest_float("y", 1e-3, 1, log=True))

    study.optimize(objective, n_trials=60)
    assert study.best_params["branch"] == "a"
    assert study.best_value < 0.1


@every_algorithm
def test_running_and_pruned_trials_are_no_obstacle(algorithm: str) -> None:
    study = optuna.create_study(sampler=HyperoptSampler(algorithm, seed=0))
    for number in range(40):
        trial = study.ask({"x": FloatDistribution(0, 1)})
        if number % 4 == 1:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif number % 4 == 2:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif number % 4 == 3:
            study.tell(trial, trial.params["x"])
    assert all(0 <= trial.params["x"] <= 1 for trial in study.trials)


@every_algorithm
@pytest.mark.parametrize(
    "raw",
    [
        {"type": "choice", "values": [None, True, "a"]},
        {"type": "int", "low": -3, "high": 12, "step": 5},
        {"type": "int", "low": 1, "high": 5, "log": True},
        {"type": "float", "low": 0.1, "high": 0.5, "step": 0.1},
        "{{quniform(10, 30, 8)}}",
        "{{qloguniform(0, 3, 4)}}",
        "{{randint(3)}}",
    ],
    ids=str,
)
def test_every_value_of_a_parameter_is_drawn_and_no_other(algorithm: str, raw: object) -> None:
    space = SearchSpace.parse({"x": raw})
    parameter = space.parameters["x"]
    study = optuna.create_study(sampler=HyperoptSampler(algorithm, seed=0, space=space))
    drawn = set()
    for _ in range(100):
        trial = study.ask({"x": to_optuna(parameter)})
        drawn.add(value_of(parameter, trial.params["x"]))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)  # so that nothing is learned
    assert drawn == {params["x"] for params in configurations(space)}


@every_algorithm
def test_a_known_spaces_normals_are_drawn_as_normals(algorithm: str) -> None:
    space = SearchSpace.parse({"x": "{{normal(5, 2)}}", "y": "{{qlognormal(1, 1, 1)}}"})
    distributions = {name: to_optuna(p) for name, p in space.parameters.items()}
    study = optuna.create_study(sampler=HyperoptSampler(algorithm, seed=0, space=space))
    x, y = [], []
    for _ in range(100):
        trial = study.ask(distributions)
        x.append(value_of(space.parameters["x"], trial.params["x"]))
        y.append(value_of(space.parameters["y"], trial.params["y"]))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)  # so that nothing is learned
    assert abs(np.mean(x) - 5) < 1
    assert 1 < np.std(x) < 3
    assert all(value >= 0 and value == math.floor(value) for value in y)


def test_hyperopt_says_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    study = optuna.create_study(sampler=HyperoptSampler("tpe", seed=0))
    with caplog.at_level(logging.DEBUG, logger="hyperopt"):
        for number in range(25):
            study.tell(study.ask({"x": FloatDistribution(0, 1)}), number)
    output = capsys.readouterr()
    assert (output.out, output.err, caplog.records) == ("", "", [])
