from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasearch.searchspaces.families import space_for
from kerasearch.searchspaces.parameters import Choice, Float
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace

DEFAULTS = SearchSpace.parse(
    {
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "layers": Choice(values=(1, 2)),
    }
)


def rate(**when):
    return Float(low=0.1, high=1, when=when, sets="learning_rate")


def refused(raw, defaults=None):
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.parse(raw, defaults)
    return dict(caught.value.problems)


def test_training_reads_what_is_set_under_the_name_that_it_knows():
    space = SearchSpace.parse({"optimizer": "sgd", "sgd_lr": rate(optimizer=("sgd",))}, DEFAULTS)
    params = {"optimizer": "sgd", "sgd_lr": 0.5, "layers": 1}
    assert space.check(params) == params
    assert space.settings(params) == {"optimizer": "sgd", "learning_rate": 0.5, "layers": 1}


def test_the_default_stays_for_those_values_for_which_nothing_of_ones_own_is_set():
    raw = {
        "optimizer": "{{choice(['adam', 'sgd', 'nadam'])}}",
        "sgd_lr": rate(optimizer=("sgd",)),
        "nadam_lr": rate(optimizer=("nadam",)),
    }
    space = SearchSpace.parse(raw, DEFAULTS)
    assert space.parameters["learning_rate"].when == {"optimizer": ("adam",)}
    assert SearchSpace.parse(space.canonical(), DEFAULTS) == space


@pytest.mark.parametrize(
    "raw",
    [
        {"rate": rate()},
        {"optimizer": "sgd", "rate": rate(optimizer=("sgd",))},
        {"rate": rate(optimizer=("adam",), layers=(1,))},
        {"a": rate(optimizer=("adam",), layers=(1,)), "b": rate(layers=(2,))},
    ],
)
def test_the_default_is_left_out_where_no_condition_could_keep_it_apart(raw):
    space = SearchSpace.parse(raw, DEFAULTS)
    assert "learning_rate" not in space.parameters
    assert SearchSpace.parse(space.canonical(), DEFAULTS) == space


def test_a_parameter_of_ones_own_replaces_the_defaults_that_set_its_name():
    defaults = SearchSpace.parse({"optimizer": "sgd", "sgd_lr": rate(optimizer=("sgd",))})
    space = SearchSpace.parse({"learning_rate": 0.1}, defaults)
    assert [*space.parameters] == ["optimizer", "learning_rate"]


@pytest.mark.parametrize(
    "raw",
    [
        {"a": rate(), "b": rate()},
        {"b": rate(), "learning_rate": 0.1},
        {"a": rate(optimizer=("adam", "nadam")), "b": rate(optimizer=("nadam", "rmsprop"))},
        {"a": rate(optimizer=("adam",)), "b": rate(layers=(1,))},
    ],
)
def test_two_that_could_set_the_same_at_once_are_refused(raw):
    problems = refused(raw, DEFAULTS)
    assert [*problems] == ["/b/sets"]
    assert "would both set learning_rate" in problems["/b/sets"]


def test_conditions_of_parents_keep_their_children_apart():
    raw = {
        "cell": Choice(values=("lstm", "gru")),
        "lstm_kind": Choice(values=("a", "b"), when={"cell": ("lstm",)}),
        "gru_kind": Choice(values=("a", "b"), when={"cell": ("gru",)}),
        "one": rate(lstm_kind=("a", "b")),
        "other": rate(gru_kind=("a", "b")),
    }
    assert [*SearchSpace.parse(raw).parameters] == [*raw]


@pytest.mark.parametrize(
    ("raw", "pointer", "words"),
    [
        ({"x": {"type": "int", "low": 1, "high": 2, "sets": "layer"}}, "/x/sets", "batch_size"),
        ({"x": {"type": "int", "low": 1, "high": 2, "sets": "optimizer"}}, "/x/sets", "known"),
        ({"batch_size": rate()}, "/batch_size/sets", "training reads batch_size itself"),
        ({"units_1": rate()}, "/units_1/sets", "mlp reads units_1 itself"),
        ({"x": {"type": "float", "low": 0, "high": 1, "sets": "learning_rate"}}, "/x", "above 0"),
        ({"x": {"type": "float", "low": 1, "high": 9, "sets": "batch_size"}}, "/x", "whole number"),
    ],
)
def test_what_cant_be_set_so_is_refused(raw, pointer, words):
    with pytest.raises(InvalidInput) as caught:
        space_for("mlp", raw)
    (problem,) = caught.value.problems
    assert problem.pointer == pointer
    assert words in problem.detail


@st.composite
def setters(draw):
    """Parents of two values each, one below another, and what sets a name under some of them."""
    raw = {"p0": Choice(values=(1, 2))}
    for index in (1, 2):
        above = draw(st.sets(st.sampled_from(sorted(raw)), max_size=1))
        raw[f"p{index}"] = Choice(values=(1, 2), when=dict.fromkeys(above, (1,)))
    for index in range(draw(st.integers(1, 3))):
        when = draw(
            st.dictionaries(
                st.sampled_from(["p0", "p1", "p2"]), st.sampled_from([(1,), (2,), (1, 2)])
            )
        )
        name = draw(st.sampled_from(["learning_rate", "clipnorm"]))
        raw[f"s{index}"] = Choice(values=(1,), when=when, sets=name)
    return raw


@given(setters())
def test_setters_are_refused_exactly_when_some_configuration_has_two_of_a_name(raw):
    free = SearchSpace.parse({name: p.model_copy(update={"sets": None}) for name, p in raw.items()})
    clash = False
    for values in product((1, 2), repeat=3):
        given_ = {**dict(zip(("p0", "p1", "p2"), values, strict=True)), "s0": 1, "s1": 1, "s2": 1}
        active = [name for name in raw if free.is_active(name, given_)]
        names = [raw[name].sets or name for name in active]
        clash |= len(set(names)) < len(names)
    if clash:
        assert all(pointer.endswith("/sets") for pointer in refused(raw))
    else:
        space = SearchSpace.parse(raw)
        params = space.sample(Random(0))
        assert len(space.settings(params)) == len(params)
