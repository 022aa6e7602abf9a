"""Optuna and Hyperopt draw from the same space: the same support, conditions and distributions."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import stochastic
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.parameters import Params
from kerasearch.service.sampling.generations import Generations
from kerasearch.service.sampling.samplers import SAMPLERS, Call
from kerasearch.service.sampling.suggestion import suggest_params
from kerasearch.service.sampling.view import view

WRITTEN = [
    {"type": "choice", "values": [None, True, 1]},
    {"type": "choice", "values": ["a"]},
    {"type": "int", "low": 0, "high": 2},
    {"type": "int", "low": 1, "high": 4, "log": True},
    {"type": "int", "low": -3, "high": 7, "step": 5},
    {"type": "float", "low": 0.1, "high": 0.4, "step": 0.1},
    "{{quniform(1, 10, 3)}}",
    "{{qloguniform(0, 2, 3)}}",
    "{{randint(2, 5)}}",
    "{{choice([8, 16])}}",
    "{{uniform(0, 1)}}",
    "{{loguniform(-6, 0)}}",
    "{{normal(2, 1)}}",
    "{{qnormal(0, 3, 2)}}",
]

DISTRIBUTIONS = {
    "choice": "{{choice([1, 2, 3])}}",
    "uniform": "{{uniform(-1, 2)}}",
    "quniform": "{{quniform(1, 10, 3)}}",
    "loguniform": "{{loguniform(-6, 0)}}",
    "qloguniform": "{{qloguniform(0, 3, 4)}}",
    "normal": "{{normal(2, 0.5)}}",
    "qnormal": "{{qnormal(0, 3, 2)}}",
    "lognormal": "{{lognormal(0, 1)}}",
    "qlognormal": "{{qlognormal(1, 1, 1)}}",
    "randint": "{{randint(2, 6)}}",
}


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """Up to five parameters, many of them under conditions on one or two before them."""
    raw: dict[str, Any] = {"p0": {"type": "choice", "values": ["x", "y"]}}
    for number in range(1, draw(st.integers(2, 5))):
        written = SearchSpace.parse({"x": draw(st.sampled_from(WRITTEN))}).canonical()["x"]
        assert isinstance(written, dict)
        choices = [name for name in raw if raw[name]["type"] == "choice"]
        parents = draw(st.lists(st.sampled_from(choices), max_size=2, unique=True))
        when = {name: [draw(st.sampled_from(raw[name]["values"]))] for name in parents}
        raw[f"p{number}"] = written | ({"when": when} if when else {})
    return SearchSpace.parse(raw)


def _draws(space: SearchSpace, engine: str, count: int) -> list[Params]:
    """Of the engine's random sampler, duplicates included."""
    make = SAMPLERS[engine]["random"].make
    assert make is not None
    kept: Generations[object] = Generations()
    calls = [
        Call(space, {}, 0, seed, seed, 0, 0, several=False, generations=kept)
        for seed in range(count)
    ]
    return [suggest_params(view([], ["minimize"], make(call)).ask(), space) for call in calls]


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(spaces())
def test_a_random_space_has_one_support_and_the_same_active_sets(space: SearchSpace) -> None:
    support: dict[str, dict[str, list[str]]] = {}
    active: dict[str, set[frozenset[str]]] = {}
    for engine in SAMPLERS:
        draws = _draws(space, engine, 60)
        assert all(space.check(params) == params for params in draws)
        active[engine] = {frozenset(params) for params in draws}
        support[engine] = defaultdict(list)
        for name, value in (item for params in draws for item in params.items()):
            support[engine][name].append(repr(value))
    assert active["optuna"] == active["hyperopt"]
    for name, parameter in space.parameters.items():
        seen = [support[engine][name] for engine in SAMPLERS]
        if (parameter.count() or 5) <= 4 and min(map(len, seen)) >= 30:  # each value comes then
            assert set(seen[0]) == set(seen[1])


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, list[Any]]]:
    """200 values of each distribution, by who draws them."""
    space = SearchSpace.parse(DISTRIBUTIONS)
    by_engine = {engine: _draws(space, engine, 200) for engine in SAMPLERS}
    rng = np.random.default_rng(0)
    own = {
        "choice": hp.choice("choice", [1, 2, 3]),
        "uniform": hp.uniform("uniform", -1, 2),
        "quniform": hp.quniform("quniform", 1, 10, 3),
        "loguniform": hp.loguniform("loguniform", -6, 0),
        "qloguniform": hp.qloguniform("qloguniform", 0, 3, 4),
        "normal": hp.normal("normal", 2, 0.5),
        "qnormal": hp.qnormal("qnormal", 0, 3, 2),
        "lognormal": hp.lognormal("lognormal", 0, 1),
        "qlognormal": hp.qlognormal("qlognormal", 1, 1, 1),
        "randint": hp.randint("randint", 2, 6),
    }
    themselves = [stochastic.sample(own, rng=rng) for _ in range(200)]
    return {
        who: {name: [params[name] for params in draws] for name in DISTRIBUTIONS}
        for who, draws in {**by_engine, "Hyperopt itself": themselves}.items()
    }


@pytest.mark.parametrize("engine", SAMPLERS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_hyperas_distribution_is_drawn_as_hyperopt_itself_draws_it(
    drawn: dict[str, dict[str, list[Any]]], engine: str, distribution: str
) -> None:
    ours, theirs = drawn[engine][distribution], drawn["Hyperopt itself"][distribution]
    assert ks_2samp(ours, theirs).pvalue > 0.01
