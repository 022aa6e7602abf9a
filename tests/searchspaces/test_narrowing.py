import pytest

from kerasearch.searchspaces import InvalidInput, SearchSpace, space_for
from kerasearch.searchspaces.narrowing import outside
from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal

UNITS = Int(low=8, high=32, step=8)
RATE = Float(low=1, high=9, step=2)


@pytest.mark.parametrize(
    ("parameter", "recorded"),
    [
        (Choice(values=(8, 32)), UNITS),
        (Int(low=8, high=24, step=8), UNITS),
        (Float(low=8, high=32, round_to=8), UNITS),
        (Int(low=0, high=10_000), Int(low=0, high=10_000)),
        (Choice(values=("a",)), Choice(values=("a", "b"))),
        (Float(low=1, high=10, round_to=2), RATE),  # as Hyperopt's quniform is imported
        (Normal(mean=5, std=1), RATE),
    ],
)
def test_what_lies_within_narrows(parameter, recorded):
    assert outside(parameter, recorded) == ""


@pytest.mark.parametrize(
    ("parameter", "recorded", "value"),
    [
        (Choice(values=(8, 5)), UNITS, "5"),
        (Int(low=8, high=32), UNITS, "9"),
        (Int(low=8, high=10**6), UNITS, "1000000"),
        (Choice(values=("c",)), Choice(values=("a", "b")), "c"),
        (Choice(values=(20.0,)), RATE, "20"),
        (Float(low=-5, high=5), RATE, "-5"),
        (Normal(mean=16, std=4, step=1), UNITS, "-inf"),
        (Normal(mean=2, std=1, log=True, step=1), Int(low=0, high=32), "inf"),
    ],
)
def test_what_was_not_recorded_is_outside(parameter, recorded, value):
    assert value in outside(parameter, recorded).partition(", not ")[2]


def test_a_job_of_a_plugin_cant_widen_its_space():
    recorded = SearchSpace.parse({"u__0": UNITS})
    with pytest.raises(InvalidInput) as caught:
        space_for("plugin:nets:build", {"u__0": 5}, recorded, ())
    (problem,) = caught.value.problems
    assert problem.pointer == "/u__0"
    assert problem.detail.endswith("step 8, not 5: a job's space narrows it")
