"""Simulated epidemics: from the daily new cases alone, tell the setting in which they arose.

A stochastic SEIR epidemic [1] as a chain of binomial draws, one a day [2], in a population of two
activity levels that mix in proportion to their activity [3]. `S`, `E`, `I` count the people of
group `g` who are susceptible, incubating and infectious; `a` is a person's activity, 1 on average:

    force[g]      = beta * a[g] * sum_h(a[h] * I[h]) / N
    infected[g]   ~ Binomial(S[g], 1 - exp(-force[g]))
    onset[g]      ~ Binomial(E[g], 1 - exp(-1 / incubation_days))
    recovered[g]  ~ Binomial(I[g], 1 - exp(-1 / infectious_days))
    new cases     ~ Binomial(sum_g(onset[g]), reported)

`beta` follows from `R0`, the people whom one infects at first: `R0 = beta * infectious_days *
mean(a**2)` [3].

A setting is high or low in four factors, in the order of a class's name: transmission (`R0`: fast
or slow), recovery (`infectious_days`: long or short), network (activity: hubs, or even) and seeding
(people who bring the infection: many or few). The classes are the eight of the sixteen settings in
which an even number is high, so that any two differ in two factors. Every run jitters its
parameters, and some die out early: classes overlap.

[1] Kermack & McKendrick, A contribution to the mathematical theory of epidemics, Proc. R. Soc. A
115 (1927). [2] Abbey, An examination of the Reed-Frost theory of epidemics, Human Biology 24
(1952). [3] May & Anderson, The transmission dynamics of human immunodeficiency virus, Phil. Trans.
R. Soc. B 321 (1988).
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.dataset import Dataset

DAYS = 61
POPULATION = 5_000

# Each factor: low first, then high.
_R0 = {"slow": 1.6, "fast": 3.2}
_INFECTIOUS_DAYS = {"short": 2.5, "long": 7.0}
_HUBS = {"even": 0.0, "hubs": 0.15}  # share of the people
_SEEDS = {"few": 5.0, "many": 40.0}
_INCUBATION_DAYS = 2.0
_HUB_ACTIVITY = 4.0  # that of the others is 1
_REPORTED = 0.6
_JITTER = 0.1  # standard deviation of a parameter's logarithm between runs

_FACTORS = (_R0, _INFECTIOUS_DAYS, _HUBS, _SEEDS)

CLASSES = tuple(
    sorted(
        "-".join(list(levels)[high] for levels, high in zip(_FACTORS, setting, strict=True))
        for setting in product((0, 1), repeat=len(_FACTORS))
        if sum(setting) % 2 == 0
    )
)


def simulate(runs_a_class: int = 800, seed: int = 1927) -> Dataset:
    """Epidemics of every class in random order, one a row, all simulated at once."""
    # A RandomState's streams are frozen for good (NEP 19); a Generator's may change with numpy.
    rng = np.random.RandomState(seed)
    y = rng.permutation(np.repeat(np.arange(len(CLASSES)), runs_a_class))
    runs = len(y)

    def jittered(means: float | NDArray[np.float64]) -> NDArray[np.float64]:
        factors: NDArray[np.float64] = np.exp(_JITTER * rng.standard_normal((runs, 1)))
        return means * factors

    def level(factor: int) -> NDArray[np.float64]:
        settings = [_FACTORS[factor][name.split("-")[factor]] for name in CLASSES]
        return np.array(settings)[y, np.newaxis]

    r0, infectious_days = jittered(level(0)), jittered(level(1))
    incubation_days, reported = jittered(_INCUBATION_DAYS), jittered(_REPORTED)
    hubs, seeds = level(2), 1 + rng.poisson(jittered(level(3)))

    # Columns: the others, the hubs.
    people = np.round(POPULATION * np.hstack([1 - hubs, hubs])).astype(np.int64)
    activity = np.hstack([np.ones((runs, 1)), jittered(_HUB_ACTIVITY)])
    activity /= np.sum(people * activity, axis=1, keepdims=True) / POPULATION
    mean_square = np.sum(people * activity**2, axis=1, keepdims=True) / POPULATION
    beta = r0 / infectious_days / mean_square
    falls_ill, recovers = -np.expm1(-1 / incubation_days), -np.expm1(-1 / infectious_days)

    seeded_hubs = rng.binomial(seeds, hubs)
    infectious = np.hstack([seeds - seeded_hubs, seeded_hubs])
    susceptible = people - infectious
    incubating = np.zeros_like(people)
    x = np.empty((runs, DAYS, 1), np.float32)
    for day in range(DAYS):
        contagion = np.sum(activity * infectious, axis=1, keepdims=True) / POPULATION
        infected = rng.binomial(susceptible, -np.expm1(-beta * activity * contagion))
        onset = rng.binomial(incubating, falls_ill)
        recovered = rng.binomial(infectious, recovers)
        susceptible -= infected
        incubating += infected - onset
        infectious += onset - recovered
        x[:, day] = rng.binomial(onset.sum(axis=1, keepdims=True), np.minimum(reported, 1))
    return Dataset("sequence", x, y, CLASSES, tuple(f"day_{day}" for day in range(DAYS)))
