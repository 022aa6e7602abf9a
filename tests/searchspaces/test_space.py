import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace

EXAMPLE = {
    "cell": "lstm",
    "units": "{{choice([10, 20, 50, 100])}}",
    "dense_units": {"type": "choice", "values": [10, 20], "when": {"second_layer": ["two"]}},
    "second_layer": {"type": "choice", "values": ["one", "two"]},
    "learning_rate": {"type": "float", "low": 1.0e-6, "high": 0.1, "log": True},
}

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(categories=["L", "N", "P"]), max_size=8),
)
choices = st.lists(values, min_size=1, max_size=5, unique_by=lambda v: (isinstance(v, bool), v))


@st.composite
def parameters(draw, when):
    low, width = draw(st.integers(1, 50)), draw(st.integers(1, 50))
    unit = draw(st.sampled_from([0.1, 0.25, 1, 3, 7.5]))
    return draw(
        st.sampled_from(
            [
                Choice(values=tuple(draw(choices)), when=when),
                Int(low=low, high=low + width, log=draw(st.booleans()), when=when),
                Int(low=-low, high=-low + 3 * width, step=3, when=when),
                Float(low=low / 10, high=low + width, log=draw(st.booleans()), when=when),
                Float(low=-low, high=width, round_to=unit, when=when),
                Float(low=0, high=unit * 4 if unit != 0.1 else 0.4, step=unit, when=when),
                Normal(mean=low, std=width / 10, log=draw(st.booleans()), when=when),
                Normal(mean=-low, std=width, step=unit, when=when),
            ]
        )
    )


@st.composite
def spaces(draw):
    """Raw spaces of every kind, with conditions on choices and ints, in any order."""
    raw = {}
    for index in range(draw(st.integers(0, 6))):
        parents = [name for name, p in raw.items() if isinstance(p, Choice | Int)]
        when = draw(st.sampled_from([None, {}]))
        for parent in draw(st.sets(st.sampled_from(parents), max_size=2)) if parents else ():
            drawn = {
                raw[parent].draw(Random(seed))
                for seed in draw(st.sets(st.integers(0, 9), min_size=1))
            }
            when = {**(when or {}), parent: tuple(drawn)}
        raw[f"p{index}"] = draw(parameters(when))
    order = draw(st.permutations([*raw]))
    return SearchSpace.parse({name: raw[name] for name in order})


@given(spaces())
def test_the_canonical_space_is_json_and_reads_back_as_itself(space):
    again = SearchSpace.parse(json.loads(json.dumps(space.canonical())))
    assert again == space
    assert [*again.parameters] == [*space.parameters]
    assert json.dumps(again.canonical()) == json.dumps(space.canonical())


@given(spaces(), st.integers(0, 2**32))
def test_a_sample_passes_the_check_unchanged(space, seed):
    params = space.sample(Random(seed))
    assert space.check(params) == params
    assert space.check(json.loads(json.dumps(params))) == params
    assert [*params] == [name for name in space.parameters if space.is_active(name, params)]


@given(spaces(), st.integers(0, 2**32))
def test_a_parameter_is_active_exactly_when_all_its_parents_are_as_it_says(space, seed):
    params = space.sample(Random(seed))
    kinds = {name: (type(value) is bool, value) for name, value in params.items()}
    for name, parameter in space.parameters.items():
        agreeing = [
            kinds.get(parent) in [(type(value) is bool, value) for value in values]
            for parent, values in (parameter.when or {}).items()
        ]
        assert (name in params) == all(agreeing)


@given(spaces(), spaces())
def test_laid_over_a_default_again_a_space_is_itself(own, defaults):
    try:
        space = own.over(defaults)
    except InvalidInput:
        return
    assert SearchSpace.parse(space.canonical(), defaults) == space


FIELDS = ["type", "values", "low", "high", "log", "step", "round_to", "mean", "std", "when", "a"]
json_like = st.recursive(
    st.one_of(values, st.floats(), st.sampled_from(["choice", "float", "int", "normal"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=12,
)
typed = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(["choice", "float", "int", "normal"]),
    st.dictionaries(st.sampled_from(FIELDS), json_like, max_size=6),
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), typed | json_like, max_size=4))
def test_whatever_comes_is_read_or_refused(raw):
    try:
        space = SearchSpace.parse(raw)
    except InvalidInput:
        return
    params = space.sample(Random(0))
    assert space.check(params) == params


def test_the_same_seed_gives_the_same_sample():
    space = SearchSpace.parse(EXAMPLE)
    assert space.sample(Random(3)) == space.sample(Random(3))
    assert space.sample(Random(3)) != space.sample(Random(4))


def test_every_form_of_writing_a_parameter_is_read():
    space = SearchSpace.parse({**EXAMPLE, "dropout": Float(low=0, high=1), "fixed": None})
    assert space.parameters["cell"] == Choice(values=("lstm",))
    assert space.parameters["units"] == Choice(values=(10, 20, 50, 100))
    assert space.parameters["learning_rate"] == Float(low=1e-6, high=0.1, log=True)
    assert space.parameters["dropout"] == Float(low=0, high=1)
    assert space.parameters["fixed"] == Choice(values=(None,))


def test_the_canonical_form_says_what_was_said_and_no_more():
    assert SearchSpace.parse(EXAMPLE).canonical()["dense_units"] == {
        "type": "choice",
        "values": [10, 20],
        "when": {"second_layer": ["two"]},
    }


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        ([], [""]),
        ({"2nd": 1}, ["/2nd"]),
        ({"learning rate": 1}, ["/learning rate"]),
        ({"größe": 1}, ["/größe"]),
        ({"a/b": 1}, ["/a~1b"]),
        ({5: 1}, ["/5"]),
        ({"x" * 65: 1}, ["/" + "x" * 64]),
        ({f"p{i}": 1 for i in range(101)}, [""]),
        ({"units": [10, 20]}, ["/units"]),
        ({"units": float("nan")}, ["/units"]),
        ({"units": "{{choice([10, 20])"}, ["/units"]),
        ({"units": {"low": 1, "high": 2}}, ["/units"]),
        ({"units": {"type": "int", "low": 2, "high": 1}}, ["/units/low"]),
        ({"a": {"type": "int"}, 7: 1, "c": [1]}, ["/a/low", "/a/high", "/7", "/c"]),
    ],
    ids=lambda part: str(part)[:50],
)
def test_every_problem_is_reported_with_its_place(raw, pointers):
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.parse(raw)
    assert [problem.pointer for problem in caught.value.problems] == pointers


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"unitz": 3}, "/unitz", "did you mean 'units'?"),
        ({"units": 15}, "/units", "must be one of 10, 20, 50, 100, not 15"),
        ({"units": [10]}, "/units", "not a list"),
        ({"learning_rate": 1}, "/learning_rate", "must be float from 1e-06 to 0.1, log, not 1"),
        ({"learning_rate": float("nan")}, "/learning_rate", "finite"),
        ({"dense_units": 10}, "/dense_units", "needs that second_layer is two"),
        ({"second_layer": "two"}, "/dense_units", "give it a value: choice of 10, 20"),
        ({"second_layer": "three", "dense_units": 99}, "/second_layer", "must be one of one, two"),
    ],
)  # fmt: skip
def test_params_outside_the_space_are_refused(change, pointer, words):
    params = {"cell": "lstm", "units": 10, "second_layer": "one", "learning_rate": 0.01}
    space = SearchSpace.parse(EXAMPLE)
    assert space.check(params) == params
    with pytest.raises(InvalidInput) as caught:
        space.check({**params, **change})
    (problem,) = caught.value.problems
    assert problem.pointer == pointer
    assert words in problem.detail


def test_params_come_back_as_the_space_itself_would_give_them():
    space = SearchSpace.parse({"units": Choice(values=(10, 20)), "depth": Int(low=1, high=3)})
    checked = space.check({"depth": 2.0, "units": 10.0})
    assert list(checked.items()) == [("units", 10), ("depth", 2)]
    assert all(type(value) is int for value in checked.values())


def test_a_parameter_is_inactive_when_its_parent_is():
    space = SearchSpace.parse(
        {
            "a": Choice(values=(1, 2)),
            "b": Choice(values=(1, 2), when={"a": (1,)}),
            "c": Choice(values=(1, 2), when={"b": (1,)}),
        }
    )
    assert space.is_active("c", {"a": 1, "b": 1})
    assert not space.is_active("c", {"a": 2, "b": 1})
    assert not space.is_active("c", {"b": 1})


def test_the_table_describes_the_space_in_words():
    assert SearchSpace.parse(EXAMPLE).table() == [
        ("cell", "choice of lstm", "", ""),
        ("units", "choice of 10, 20, 50, 100", "", ""),
        ("second_layer", "choice of one, two", "", ""),
        ("dense_units", "choice of 10, 20", "second_layer is two", ""),
        ("learning_rate", "float from 1e-06 to 0.1, log", "", ""),
    ]


def test_what_has_one_value_neednt_be_said_where_it_is_active():
    space = SearchSpace.parse(
        {
            "layers": 2,
            "units": {"type": "int", "low": 1, "high": 9},
            "units_2": {"type": "choice", "values": [8], "when": {"layers": [2]}},
            "activation": {"type": "choice", "values": ["relu"], "when": {"units": [3]}},
        }
    )
    assert space.with_fixed({"units": 5}) == {"layers": 2, "units": 5, "units_2": 8}
    assert space.with_fixed({"units": 3})["activation"] == "relu"
    assert space.with_fixed({"layers": 3}) == {"layers": 3}  # said wrongly: it stays so
