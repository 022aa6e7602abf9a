from random import Random

import pytest

from kerasearch.searchspaces.constraints import DRAWS, MAX_CONSTRAINTS, Constraints
from kerasearch.searchspaces.parameters import Choice, Int
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace

SPACE = SearchSpace.parse(
    {
        "layers": Int(low=1, high=3),
        "units": Choice(values=(64, 128, 256)),
        "units_2": Choice(values=(64, 512), when={"layers": (2, 3)}),
    }
)


def problems(*texts):
    with pytest.raises(InvalidInput) as caught:
        Constraints.parse(texts, SPACE)
    return dict(caught.value.problems)


def test_params_that_break_a_constraint_are_told_which_and_by_what():
    constraints = Constraints.parse([" layers * units <= 256 ", "units_2 <= units"], SPACE)
    assert constraints.violated({"layers": 3, "units": 128, "units_2": 512}) == (
        "layers * units <= 256 must hold, and layers is 3, units is 128"
    )
    assert constraints.violated({"layers": 2, "units": 128, "units_2": 512}) == (
        "units_2 <= units must hold, and units_2 is 512, units is 128"
    )
    assert constraints.violated({"layers": 2, "units": 128, "units_2": 64}) is None


def test_a_constraint_on_a_parameter_that_isnt_active_holds():
    constraints = Constraints.parse(["units_2 <= units", "not units_2 > 64"], SPACE)
    assert constraints.violated({"layers": 1, "units": 64}) is None


def test_no_constraints_are_false_and_forbid_nothing():
    assert not Constraints.parse([], SPACE)
    assert Constraints.parse([], SPACE).violated(SPACE.sample(Random(0))) is None
    assert Constraints.parse(["layers > 1"], SPACE)


def test_every_text_that_cant_be_meant_is_named_by_its_index():
    found = problems("layers < 3", "layer < 3", "units < 'a'")
    assert [*found] == ["/1", "/2"]
    assert "did you mean 'layers'?" in found["/1"]


def test_one_equals_sign_is_answered_with_two():
    assert problems("layers = 3")["/0"].endswith("or layers == 3")
    assert "layers == 3" not in problems("layers >= ")["/0"]


def test_what_no_draw_keeps_contradicts_the_space():
    found = problems("layers > 1", "layers * units < 64")
    assert [*found] == ["/1"]
    assert f"of {DRAWS:,} random draws from the space none keeps" in found["/1"]
    assert [*problems("layers < 2", "layers >= 2")] == ["/0"]  # of the two, what more draws break


def test_there_are_not_endlessly_many():
    found = problems(*["layers > 1"] * (MAX_CONSTRAINTS + 1))
    assert found == {"": "at most 100 constraints, not 101"}


def test_only_what_constraints_name_is_drawn_and_its_parents():
    space = SearchSpace.parse(
        {
            "layers": Int(low=1, high=3),
            "units_2": Choice(values=(64, 512), when={"layers": (2, 3)}),
            **{f"other_{i}": Int(low=1, high=9) for i in range(90)},
        }
    )
    drawn = Constraints.parse(["units_2 > 1"], space)._named(space)
    assert [*drawn.parameters] == ["layers", "units_2"]
    with pytest.raises(InvalidInput, match=f"of {DRAWS:,} random draws"):
        Constraints.parse(["layers > 9"], space)
    every = " + ".join(f"other_{i}" for i in range(45))
    with pytest.raises(InvalidInput, match="of 1,000 random draws"):  # not of 10,000
        Constraints.parse([f"{every} < 0"], space)
