"""Hyperopt's algorithms as an Optuna sampler."""

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from hyperopt import Trials, anneal, atpe, rand, tpe
from hyperopt.base import STATUS_FAIL, STATUS_OK, Domain
from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import to_optuna
from kerasearch.service.sampling.hyperopt_dimensions import Dimension, dimension_of

ALGORITHMS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "tpe": partial(tpe.suggest, verbose=False),  # else it logs two lines a call
    "random": rand.suggest,
    "anneal": anneal.suggest,
    "atpe": atpe.suggest,
}

_WHEN = datetime(2000, 1, 1)

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class HyperoptSampler(BaseSampler):
    """Runs Hyperopt over an Optuna study's trials.

    All parameters go to Hyperopt as one flat list. It treats them one by one, and in a trial that
    lacks a parameter its `idxs` and `vals` are empty, which is Hyperopt's own mark of absence: so
    a conditional space needs no nesting. A running trial and a pruned one without a value have an
    infinite loss, as Hyperopt's own running and failed ones have. Trials that failed in Optuna's
    sense are ignored, as by Optuna's samplers.

    Args:
        algorithm: A name of `ALGORITHMS`.
        seed: None draws one.
        space: Of a study whose distributions are `to_optuna` of its parameters. Every parameter
            is then known before a trial has had it, and drawn from Hyperopt's own distribution.
        options: Arguments of the algorithm's `suggest`.

    Raises:
        ValueError: The study has several objectives.
    """

    def __init__(
        self,
        algorithm: str = "tpe",
        *,
        seed: int | None = None,
        space: SearchSpace | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._suggest = partial(ALGORITHMS[algorithm], **(options or {}))
        self._rng = np.random.default_rng(seed)
        self._parameters = {} if space is None else space.parameters
        self._is_atpe = algorithm == "atpe"

    def reseed_rng(self) -> None:
        self._rng = np.random.default_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        known = {name: to_optuna(parameter) for name, parameter in self._parameters.items()}
        if not known:
            for past in study.get_trials(deepcopy=False, states=_FINISHED):
                known |= past.distributions
        return {name: known[name] for name in known if not known[name].single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if len(study.directions) > 1:
            raise ValueError("Hyperopt minimizes one loss, and this study has several objectives")
        if not search_space:
            return {}
        dimensions = {
            # ATPE can't read a normal: it draws the quantile that Optuna draws.
            name: dimension_of(
                name, distribution, None if self._is_atpe else self._parameters.get(name)
            )
            for name, distribution in search_space.items()
        }
        domain = Domain(None, [dimension.expression for dimension in dimensions.values()])
        # Nor does it take a trial without a loss.
        past = [t for t in _past(study, trial) if t.value is not None or not self._is_atpe]
        trials = _hyperopt_trials(past, study.direction, search_space, dimensions)
        seed = int(self._rng.integers(2**31))
        with _quietly_seeded(seed) if self._is_atpe else nullcontext():
            (document,) = self._suggest([len(trials)], domain, trials, seed)
        proposed = document["misc"]["vals"]
        return {
            name: dimension.propose(proposed[name][0]) for name, dimension in dimensions.items()
        }

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self.sample_relative(study, trial, {param_name: param_distribution})[param_name]


def _past(study: Study, current: FrozenTrial) -> list[FrozenTrial]:
    seen = study.get_trials(deepcopy=False, states=(*_FINISHED, TrialState.RUNNING))
    return [trial for trial in seen if trial.number != current.number]


def _hyperopt_trials(
    past: Sequence[FrozenTrial],
    direction: StudyDirection,
    search_space: Mapping[str, BaseDistribution],
    dimensions: Mapping[str, Dimension],
) -> Trials:
    """Past trials in Hyperopt's form, oldest first.

    Numbered anew, because anneal adds the next number to its seed: which trials Optuna numbered
    and hides must not matter.
    """
    sign = -1.0 if direction is StudyDirection.MAXIMIZE else 1.0
    results: list[dict[str, Any]] = []
    miscs = []
    for number, trial in enumerate(past):
        if trial.value is None:
            results.append({"status": STATUS_FAIL, "loss": None})
        else:
            results.append({"status": STATUS_OK, "loss": sign * trial.value})
        values = {
            name: [dimension.observe(trial.params[name])]
            if name in trial.params and _lies_in(search_space[name], trial.params[name])
            else []
            for name, dimension in dimensions.items()
        }
        idxs = {name: [number] * len(observed) for name, observed in values.items()}
        miscs.append({"tid": number, "cmd": None, "idxs": idxs, "vals": values})
    trials = Trials()
    documents = trials.new_trial_docs(range(len(past)), [None] * len(past), results, miscs)
    for document in documents:
        document["book_time"] = document["refresh_time"] = _WHEN
    trials.insert_trial_docs(documents)
    trials.refresh()
    return trials


_process_generators = Lock()  # studies ask in threads


@contextmanager
def _quietly_seeded(seed: int) -> Iterator[None]:
    """ATPE draws from the process's generators, and has SciPy warn of correlations."""
    with _process_generators, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state, numpy_state = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)


def _lies_in(distribution: BaseDistribution, value: Any) -> bool:
    """Whether Hyperopt may see a value: a study may change a number's range as it goes."""
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return bool(distribution.low <= value <= distribution.high)
    return True
