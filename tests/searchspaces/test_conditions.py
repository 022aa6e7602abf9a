import pytest

from kerasearch.searchspaces.parameters import Choice, Float, Int
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace

FAMILY = SearchSpace.parse(
    {
        "layers": Int(low=1, high=3),
        "units_1": Choice(values=(10, 20)),
        "units_2": Choice(values=(10, 20), when={"layers": (2, 3)}),
        "units_3": Choice(values=(10, 20), when={"layers": (3,), "units_2": (20,)}),
        "rate": Float(low=0, high=1),
    }
)


def refused(raw, defaults=None):
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.parse(raw, defaults)
    return {problem.pointer: problem.detail for problem in caught.value.problems}


def test_parents_come_before_children_whatever_the_order_given():
    raw = {
        "c": Choice(values=(1,), when={"b": (1,), "a": (1,)}),
        "b": Choice(values=(1, 2), when={"a": (1,)}),
        "a": Choice(values=(1, 2)),
        "z": Choice(values=(1,)),
    }
    assert [*SearchSpace.parse(raw).parameters] == ["a", "b", "c", "z"]


def test_what_a_space_names_replaces_the_default_and_the_rest_stays():
    space = SearchSpace.parse({"rate": 0.5, "units_1": "{{choice([7])}}"}, FAMILY)
    assert space.parameters["rate"] == Choice(values=(0.5,))
    assert space.parameters["units_1"] == Choice(values=(7,))
    assert [*space.parameters] == [*FAMILY.parameters]
    assert space.parameters["units_3"] == FAMILY.parameters["units_3"]


def test_over_does_what_parse_with_defaults_does():
    raw = {"units_2": 64, "layers": 2}
    assert SearchSpace.parse({"layers": 2}).over(FAMILY) == SearchSpace.parse({"layers": 2}, FAMILY)
    assert SearchSpace.parse(raw).over(FAMILY) == SearchSpace.parse(raw, FAMILY)


def test_a_condition_that_isnt_said_stays_and_an_empty_one_means_always():
    said = {"type": "choice", "values": [5], "when": {}}
    space = SearchSpace.parse({"units_2": 5, "units_3": said}, FAMILY)
    assert space.parameters["units_2"].when == {"layers": (2, 3)}
    assert space.parameters["units_3"].when == {}
    assert SearchSpace.parse(space.canonical(), FAMILY) == space


def test_default_conditions_are_narrowed_and_what_they_forbid_is_left_out():
    space = SearchSpace.parse({"layers": {"type": "choice", "values": [1, 2]}}, FAMILY)
    assert space.parameters["units_2"].when == {"layers": (2,)}
    assert "units_3" not in space.parameters


def test_a_default_whose_parent_is_left_out_is_left_out_too():
    space = SearchSpace.parse({"layers": 1}, FAMILY)
    assert [*space.parameters] == ["layers", "units_1", "rate"]


def test_a_parameter_of_ones_own_that_could_never_be_active_is_refused():
    assert refused({"layers": 1, "units_2": 10}, FAMILY) == {
        "/units_2": "can never be active, for it needs that layers is 2 or 3; "
        "leave it out, or say 'when: {}' to have it always"
    }


def test_a_condition_on_a_default_that_was_left_out_is_refused():
    extra = {"type": "choice", "values": [1], "when": {"units_2": [10]}}
    assert "never be active" in refused({"layers": 1, "x": extra}, FAMILY)["/x/when/units_2"]


def test_a_parent_of_default_parameters_must_stay_discrete():
    problems = refused({"layers": "{{uniform(1, 3)}}"}, FAMILY)
    assert problems == {
        "/layers": "decides whether units_3 is active, so it must be a choice or int"
    }


@pytest.mark.parametrize(
    ("when", "pointer", "words"),
    [
        ({"cel": ["lstm"]}, "/x/when/cel", "no parameter 'cel'; did you mean 'cell'?"),
        ({"x": [1]}, "/x/when", "circle: x -> x"),
        ({"cell": ["gru", "rnn"]}, "/x/when/cell/1", "cell must be one of lstm, gru, not 'rnn'"),
        ({"depth": [1, 4]}, "/x/when/depth/1", "depth must be int from 1 to 3, not 4"),
        ({"depth": [True]}, "/x/when/depth/0", "not True"),
        ({"rate": [0.5]}, "/x/when/rate", "must be a choice or int"),
    ],
)
def test_a_condition_that_cant_come_true_is_refused_where_it_stands(when, pointer, words):
    raw = {
        "cell": Choice(values=("lstm", "gru")),
        "depth": Int(low=1, high=3),
        "rate": Float(low=0, high=1),
        "x": {"type": "choice", "values": [1, 2], "when": when},
    }
    problems = refused(raw)
    assert [*problems] == [pointer]
    assert words in problems[pointer]


def test_a_circle_is_named_once_even_through_the_defaults():
    raw = {"layers": {"type": "choice", "values": [1, 2], "when": {"units_2": [10]}}}
    problems = refused(raw, FAMILY)
    assert problems == {
        "/layers/when": "conditions go in a circle: layers -> units_2 -> layers; drop one of them"
    }


def test_nothing_is_said_of_conditions_on_a_parameter_that_couldnt_be_read():
    raw = {
        "a": {"type": "choice", "values": []},
        "b": {"type": "choice", "values": [1], "when": {"a": ["x"]}},
        "c": {"type": "choice", "values": [1], "when": {"nope": ["x"]}},
    }
    assert [*refused(raw)] == ["/a/values", "/c/when/nope"]
