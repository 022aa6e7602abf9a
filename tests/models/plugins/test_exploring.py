import pytest
from keras_tuner import HyperParameters

from kerasearch.models.plugins.exploring import MAX_BUILDS, explore


def names(hp: HyperParameters) -> list[str]:
    return [parameter.name for parameter in hp.space]


def test_what_only_other_values_ask_for_is_found() -> None:
    def ask(hp: HyperParameters) -> None:
        if hp.Choice("kind", ["a", "b", "c"]) == "b":
            for i in range(hp.Int("layers", 1, 3)):
                hp.Int(f"units_{i}", 8, 64)
        if hp.Float("rate", 0.0, 0.5) > 0:
            hp.Boolean("spatial")

    found = names(explore(ask, HyperParameters()))
    assert sorted(found) == ["kind", "layers", "rate", "spatial", "units_0", "units_1", "units_2"]


def test_scopes_inside_scopes_are_entered() -> None:
    def ask(hp: HyperParameters) -> None:
        hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["b"]):
            if hp.Boolean("deep"):
                with hp.conditional_scope("deep", [True]):
                    hp.Int("units", 1, 8)

    explored = explore(ask, HyperParameters())
    assert names(explored) == ["kind", "deep", "units"]
    assert len(explored.space[2].conditions) == 2


def test_what_was_declared_is_explored_too() -> None:
    declared = HyperParameters()
    declared.Choice("kind", ["a", "b"])

    def ask(hp: HyperParameters) -> None:
        if hp.get("kind") == "b":
            hp.Int("units", 1, 8)

    assert names(explore(ask, declared)) == ["kind", "units"]


def test_values_that_do_not_go_together_are_passed_over() -> None:
    def ask(hp: HyperParameters) -> None:
        if hp.Int("kernel", 1, 9) > 5:
            raise ValueError("larger than the picture")
        hp.Int("units", 1, 8)

    assert names(explore(ask, HyperParameters())) == ["kernel", "units"]


def test_an_error_with_the_defaults_is_raised() -> None:
    def ask(hp: HyperParameters) -> None:
        hp.get("nothing")

    with pytest.raises(KeyError):
        explore(ask, HyperParameters())


def test_a_space_without_end_ends() -> None:
    asked = []

    def ask(hp: HyperParameters) -> None:
        asked.append(hp)
        hp.Boolean(f"another_{len(asked)}")

    explore(ask, HyperParameters())
    assert len(asked) == MAX_BUILDS
