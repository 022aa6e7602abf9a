"""The samplers by engine and name: every pair that `service.jobs.SAMPLERS` offers but `auto`."""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    GPSampler,
    RandomSampler,
    TPESampler,
)

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.generations import Generations
from kerasearch.service.sampling.nsgaii_sampler import GenerationalSampler
from kerasearch.service.sampling.qmc_sampler import NumberedQmcSampler

MOST_OF_TPE = 400
"""Ended trials that TPE sees, so that an ask takes as long at 10,000 as at 400."""

MOST_OF_ANNEAL = 100
"""Its cost is quadratic, and it draws around one of the few best."""

MOST_OF_GP = 100
"""A Gaussian process takes cubic time: with so many, a second or two an ask."""


@dataclass(frozen=True)
class Call:
    """What a sampler is made for: one proposal.

    Attributes:
        options: As the sampler's model in `OPTIONS` dumps them.
        study_seed: The same for every proposal of a job.
        number: Of the trial that is proposed.
        seed: Of this proposal.
        trials: In the history, ended and running.
        seen: Those of them that the sampler sees.
        several: Whether the study has several objectives.
        generations: Kept for the samplers of one study, whose type of state it is.
    """

    space: SearchSpace
    options: Mapping[str, Any]
    study_seed: int
    number: int
    seed: int
    trials: int
    seen: int
    several: bool
    generations: Generations[Any]


MakeSampler = Callable[[Call], BaseSampler]


@dataclass(frozen=True)
class Sampler:
    """How a sampler is made, and what it is shown.

    Attributes:
        make: A fresh one; None where configurations are tried in the space's order.
        proposals: How often it is worth asking until one is new; each may cost 10 ms.
        most: Ended trials that it is shown; None for all.
        wants_values: It ignores trials without a value, so they are shown to it with the worst.
        learns: What it proposes depends on how other trials ended.
    """

    make: MakeSampler | None
    proposals: int = 10
    most: int | None = None
    wants_values: bool = False
    learns: bool = True


def _random(call: Call) -> BaseSampler:
    return RandomSampler(call.seed)


def _tpe(call: Call) -> BaseSampler:
    options = {**call.options}
    if options["group"] is None:
        # It models each branch of a conditional space jointly; without it Optuna would draw all
        # but the parameters common to all trials one by one.
        conditional = any(parameter.when for parameter in call.space.parameters.values())
        joint = options["multivariate"] is not False and not call.several
        options["group"] = conditional and joint
    if options["group"]:
        options["multivariate"] = True
    return _quietly(TPESampler, seed=call.seed, **options)


def _cmaes(call: Call) -> BaseSampler:
    from kerasearch.service.sampling.cmaes_sampler import CmaEsSampler

    one_by_one = TPESampler(seed=call.seed, multivariate=False)
    return CmaEsSampler(
        call.space, call.generations, one_by_one, MOST_OF_TPE, seed=call.seed, **call.options
    )


def _qmc(call: Call) -> BaseSampler:
    points = partial(NumberedQmcSampler, call.space, call.number)
    return _quietly(points, seed=call.study_seed, **call.options)


def _nsgaii(call: Call) -> BaseSampler:
    return GenerationalSampler(call.space, call.generations, seed=call.seed, **call.options)


def _gp(call: Call) -> BaseSampler:
    return _quietly(GPSampler, seed=call.seed, warn_independent_sampling=False, **call.options)


def _hyperopt(algorithm: str, call: Call) -> BaseSampler:
    # Imported on use: a second and 75 MB that an Optuna job needn't pay.
    from kerasearch.service.sampling.hyperopt_sampler import HyperoptSampler

    options = {**call.options}
    if call.seen:  # what depends on the number of trials is as with all of them
        share = call.trials / call.seen
        if algorithm == "tpe":
            options["gamma"] *= math.sqrt(share)
        elif algorithm == "anneal":
            options["shrink_coef"] *= share
    return HyperoptSampler(algorithm, seed=call.seed, space=call.space, options=options)


def _quietly(make: Callable[..., BaseSampler], **options: Any) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return make(**options)


SAMPLERS: dict[str, dict[str, Sampler]] = {
    "optuna": {
        "tpe": Sampler(_tpe, most=MOST_OF_TPE),
        "random": Sampler(_random, most=0, learns=False),
        "cmaes": Sampler(_cmaes),
        "qmc": Sampler(_qmc, proposals=1, learns=False),
        "grid": Sampler(None, learns=False),
        # No duplicate is ever tried, so draws at random are an order of all that takes no looking
        # through the trials, which by Optuna's sampler takes 0.4 s at 10,000.
        "brute_force": Sampler(_random, proposals=1, most=0, learns=False),
        "nsgaii": Sampler(_nsgaii, wants_values=True),
        "gp": Sampler(_gp, most=MOST_OF_GP, wants_values=True),
    },
    "hyperopt": {
        "tpe": Sampler(partial(_hyperopt, "tpe"), most=MOST_OF_TPE),
        "random": Sampler(partial(_hyperopt, "random"), most=0, learns=False),
        "anneal": Sampler(partial(_hyperopt, "anneal"), most=MOST_OF_ANNEAL),
        "atpe": Sampler(partial(_hyperopt, "atpe"), most=MOST_OF_TPE, wants_values=True),
    },
}
