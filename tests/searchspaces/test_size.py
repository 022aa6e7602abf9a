from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasearch.searchspaces.conditions import holds
from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace


def count_by_enumeration(space):
    configurations = set()
    values = [
        p.values if isinstance(p, Choice) else range(p.low, p.high + 1)
        for p in space.parameters.values()
    ]
    for combination in product(*values):
        params = {}
        for (name, parameter), value in zip(space.parameters.items(), combination, strict=True):
            if holds(parameter.when, params):
                params[name] = value
        configurations.add(tuple(params.items()))
    return len(configurations)


@st.composite
def discrete_spaces(draw):
    raw = {}
    for index in range(draw(st.integers(1, 6))):
        when = {}
        for parent in draw(st.sets(st.sampled_from(sorted(raw)), max_size=3)) if raw else ():
            values = range(1, raw[parent].count() + 1)
            when[parent] = tuple(draw(st.sets(st.sampled_from(values), min_size=1)))
        high = draw(st.integers(2, 4))
        raw[f"p{index}"] = (
            Int(low=1, high=high, when=when)
            if draw(st.booleans())
            else Choice(values=tuple(range(1, high + 1)), when=when)
        )
    return SearchSpace.parse(raw)


@given(discrete_spaces())
def test_the_size_is_what_enumeration_counts(space):
    assert space.size() == count_by_enumeration(space)


def test_inactive_parameters_are_not_multiplied_in():
    space = SearchSpace.parse(
        {
            "second_layer": Choice(values=("one", "two")),
            "dense_units": Choice(values=(10, 20, 30), when={"second_layer": ("two",)}),
        }
    )
    assert space.size() == 1 + 3


def test_a_parameter_that_can_be_active_with_a_continuous_value_makes_it_infinite():
    kind = Choice(values=("a", "b"))
    for parameter in (
        Float(low=0, high=1, when={"kind": ("a",)}),
        Normal(mean=0, std=1, step=1, when={"kind": ("a",)}),
    ):
        assert SearchSpace.parse({"kind": kind, "x": parameter}).size() is None


def test_an_infinite_space_has_as_many_branches_as_its_discrete_parameters_give():
    space = SearchSpace.parse(
        {
            "kind": Choice(values=("a", "b")),
            "rate": Float(low=0, high=1, when={"kind": ("a",)}),
            "layers": Int(low=1, high=3, when={"kind": ("b",)}),
        }
    )
    assert (space.size(), space.branches()) == (None, 1 + 3)


@given(discrete_spaces())
def test_a_finite_space_has_as_many_branches_as_configurations(space):
    assert space.branches() == space.size()


def test_a_continuous_parameter_that_contradicting_parents_forbid_counts_nothing():
    space = SearchSpace.parse(
        {
            "a": Choice(values=(1, 2)),
            "b": Choice(values=(1, 2), when={"a": (1,)}),
            "x": Float(low=0, high=1, when={"a": (2,), "b": (1,)}),
        }
    )
    assert space.size() == 3


def test_the_empty_space_has_one_configuration():
    assert SearchSpace.parse({}).size() == 1


def test_chains_and_long_rows_of_crossing_conditions_are_counted():
    chain = {"p0": Choice(values=(1, 2))}
    for i in range(1, 100):
        chain[f"p{i}"] = Choice(values=(1, 2), when={f"p{i - 1}": (1,)})
    assert SearchSpace.parse(chain).size() == 101

    row = {f"p{i}": Int(low=1, high=1000) for i in range(50)}
    for i in range(49):
        row[f"c{i}"] = Choice(values=(1, 2), when={f"p{i}": (1,), f"p{i + 1}": (1,)})
    # Ones that stand side by side double: a transfer matrix over neighbours.
    other, one = 999, 1
    for _ in range(49):
        other, one = 999 * (other + one), other + 2 * one
    assert SearchSpace.parse(row).size() == other + one


def test_conditions_that_cross_beyond_counting_are_refused():
    rng = Random(0)
    raw = {f"p{i}": Choice(values=(1, 2, 3)) for i in range(45)}
    for i in range(55):
        when = {f"p{parent}": (rng.randint(1, 3),) for parent in rng.sample(range(45), 3)}
        raw[f"c{i}"] = Choice(values=(1, 2), when=when)
    with pytest.raises(InvalidInput, match="too many conditions cross"):
        SearchSpace.parse(raw)
