from collections.abc import Callable

import pytest
from keras_tuner import HyperParameters

from kerasearch.models.plugins.spaces import search_space
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace

Ask = Callable[[HyperParameters], object]


def space_of(ask: Ask) -> SearchSpace:
    hp = HyperParameters()
    ask(hp)
    return search_space(hp.space)[0]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda hp: hp.Int("p", 1, 9), {"type": "int", "low": 1, "high": 9, "log": False}),
        (
            lambda hp: hp.Int("p", 6, 13, step=3),
            {"type": "int", "low": 6, "high": 12, "log": False, "step": 3},
        ),
        (
            lambda hp: hp.Int("p", 1, 100, sampling="log"),
            {"type": "int", "low": 1, "high": 100, "log": True},
        ),
        (
            lambda hp: hp.Int("p", 2, 40, step=2, sampling="log"),
            {"type": "choice", "values": [2, 4, 8, 16, 32]},
        ),
        (lambda hp: hp.Int("p", 4, 4), {"type": "choice", "values": [4]}),
        (
            lambda hp: hp.Float("p", 1e-4, 1e-1, sampling="log"),
            {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
        ),
        (
            lambda hp: hp.Float("p", 0, 1, step=0.1),  # its own division ends before 1
            {"type": "float", "low": 0.0, "high": 0.9, "log": False, "step": 0.1},
        ),
        (lambda hp: hp.Choice("p", ["a", "b"]), {"type": "choice", "values": ["a", "b"]}),
        (lambda hp: hp.Choice("p", [True, False]), {"type": "choice", "values": [1, 0]}),
        (lambda hp: hp.Boolean("p"), {"type": "choice", "values": [False, True]}),
        (lambda hp: hp.Fixed("p", 0.5), {"type": "choice", "values": [0.5]}),
    ],
)
def test_a_hyperparameter_becomes_the_parameter_of_the_same_values(
    ask: Ask, expected: dict[str, object]
) -> None:
    assert space_of(ask).canonical() == {"p": expected}


@pytest.mark.parametrize(
    "ask",
    [
        lambda hp: hp.Int("p", 2, 33, step=2, sampling="reverse_log"),
        lambda hp: hp.Float("p", 0.001, 10, step=10, sampling="log"),
        lambda hp: hp.Float("p", 0.1, 1.3, step=0.2),
        lambda hp: hp.Int("p", 3, 20, step=4),
    ],
)
def test_a_grid_is_all_that_keras_tuner_draws_and_nothing_else(ask: Ask) -> None:
    hp = HyperParameters()
    ask(hp)
    (theirs,) = hp.space
    drawn = {theirs.prob_to_value(i / 1000) for i in range(1000)}
    parameter = search_space(hp.space)[0].parameters["p"]
    assert sorted(parameter.allow(value) for value in drawn) == pytest.approx(sorted(drawn))
    assert parameter.count() == len(drawn)


def test_conditions_become_when_several_levels_deep() -> None:
    def ask(hp: HyperParameters) -> None:
        hp.Choice("cell", ["lstm", "gru"])
        with hp.conditional_scope("cell", ["lstm"]):
            hp.Boolean("double")
            with hp.conditional_scope("double", [True]):
                hp.Int("second", 1, 8)

    space = space_of(ask)
    assert space.parameters["double"].when == {"cell": ("lstm",)}
    assert space.parameters["second"].when == {"cell": ("lstm",), "double": (True,)}


def test_a_condition_on_a_truth_value_holds_for_the_numbers_that_keras_tuner_makes_of_it() -> None:
    def ask(hp: HyperParameters) -> None:
        hp.Choice("deep", [False, True])
        hp.Int("layers", 1, 3, parent_name="deep", parent_values=[True])

    assert space_of(ask).parameters["layers"].when == {"deep": (1,)}


def test_names_that_are_none_here_are_kept_in_a_map() -> None:
    hp = HyperParameters()
    with hp.name_scope("block 1"):
        hp.Int("units", 1, 8)
    space, hp_names = search_space(hp.space)
    assert [*space.parameters] == ["block_1__units"]
    assert hp_names == {"block_1__units": "block 1/units"}


def test_two_names_that_come_out_alike_are_refused() -> None:
    with pytest.raises(InvalidInput, match="is called a_b here"):
        space_of(lambda hp: (hp.Int("a b", 1, 2), hp.Int("a_b", 1, 2)))


def test_one_name_under_several_conditions_is_one_parameter_where_it_is_the_same() -> None:
    def ask(hp: HyperParameters) -> None:
        hp.Choice("cell", ["lstm", "gru", "rnn"])
        for cell in ("lstm", "gru"):
            hp.Int("units", 1, 8, parent_name="cell", parent_values=[cell])

    assert space_of(ask).parameters["units"].when == {"cell": ("lstm", "gru")}


def test_one_name_of_two_ranges_is_two_parameters_that_are_never_active_together() -> None:
    hp = HyperParameters()
    hp.Choice("cell", ["lstm", "gru"])
    hp.Int("units", 1, 8, parent_name="cell", parent_values=["lstm"])
    hp.Int("units", 1, 99, parent_name="cell", parent_values=["gru"])
    space, hp_names = search_space(hp.space)
    assert space.parameters["units"].when == {"cell": ("lstm",)}
    assert space.parameters["units__2"].when == {"cell": ("gru",)}
    assert hp_names == {"units__2": "units"}


def test_a_parameter_that_no_value_of_its_parent_activates_is_left_out() -> None:
    def ask(hp: HyperParameters) -> None:
        hp.Choice("cell", ["lstm", "gru"])
        with hp.conditional_scope("cell", ["rnn"]):
            hp.Boolean("never")
            with hp.conditional_scope("never", [True]):
                hp.Int("neither", 1, 2)

    assert [*space_of(ask).parameters] == ["cell"]


def twice(hp: HyperParameters) -> None:
    hp.Choice("cell", ["lstm", "gru"])
    hp.Int("units", 1, 8)
    hp.Int("units", 1, 9, parent_name="cell", parent_values=["gru"])


def below_a_float(hp: HyperParameters) -> None:
    hp.Float("rate", 0, 1)
    hp.Int("units", 1, 8, parent_name="rate", parent_values=[0.0])


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda hp: hp.Float("p", 1, 9, sampling="reverse_log"), "/p: is sampled by reverse_log"),
        (lambda hp: hp.Choice("p", [1, 1]), "/p/values/1: values are distinct"),
        (twice, "both can be active at once"),
        (below_a_float, "a float decides nothing"),
    ],
)
def test_what_cannot_be_searched_as_keras_tuner_does_is_refused(ask: Ask, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        space_of(ask)
