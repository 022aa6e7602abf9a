import json
import math
from random import Random

import pytest

from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal
from kerasearch.searchspaces.reading import parse_parameter

EVERY_KIND = [
    Choice(values=("adam", 1, 2.5, True, None)),
    Float(low=-1, high=1),
    Float(low=1e-6, high=0.1, log=True),
    Float(low=0, high=1, step=0.1),
    Float(low=-1, high=1, step=0.25),
    Float(low=1, high=10, round_to=2),
    Float(low=0.01, high=10, log=True, round_to=0.5),
    Int(low=-3, high=3),
    Int(low=1, high=1024, log=True),
    Int(low=8, high=64, step=8),
    Normal(mean=1, std=2),
    Normal(mean=0, std=1, log=True),
    Normal(mean=0, std=3, step=0.5),
    Normal(mean=0, std=1, log=True, step=1),
]
each_kind = pytest.mark.parametrize("parameter", EVERY_KIND, ids=str)


@each_kind
def test_what_is_drawn_is_allowed_and_stays_itself(parameter):
    rng = Random(0)
    for _ in range(300):
        drawn = parameter.draw(rng)
        allowed = parameter.allow(drawn)
        assert allowed == drawn
        assert type(allowed) is type(drawn)


@each_kind
def test_the_canonical_form_is_json_and_reads_back_as_the_same(parameter):
    assert parse_parameter(json.loads(json.dumps(parameter.canonical()))) == parameter


@pytest.mark.parametrize("parameter", [p for p in EVERY_KIND if p.count() is not None], ids=str)
def test_as_many_values_are_drawn_as_are_counted(parameter):
    rng = Random(0)
    drawn = {repr(parameter.draw(rng)) for _ in range(20_000)}
    if parameter.count() < 100:
        assert len(drawn) == parameter.count()


def test_booleans_are_no_numbers_and_whole_floats_are_integers():
    assert Choice(values=(1, True)).allow(1.0) == 1
    assert Choice(values=(1, True)).allow(True) is True
    assert Int(low=1, high=20).allow(10.0) == 10
    for parameter in (Choice(values=(1, 2)), Int(low=0, high=2), Float(low=0, high=2)):
        with pytest.raises(ValueError, match="not True"):
            parameter.allow(True)


def test_a_step_gives_the_decimal_that_a_person_would_write():
    parameter = Float(low=0, high=1, step=0.1)
    assert parameter.allow(0.1 + 0.2) == 0.3
    assert 0.30000000000000004 not in {parameter.draw(Random(i)) for i in range(100)}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Float(low=0, high=1), 1.0001),
        (Float(low=0, high=1, step=0.1), 0.15),
        (Float(low=0, high=1, step=0.1), 1.1),
        (Float(low=1, high=10, round_to=2), 3.0),
        (Float(low=1, high=10, round_to=2), 12.0),
        (Int(low=1, high=9, step=2), 4),
        (Int(low=1, high=9), 2.5),
        (Normal(mean=0, std=1, log=True), 0),
        (Normal(mean=0, std=1, step=0.5), 0.7),
        (Choice(values=("a",)), "b"),
        (Float(low=0, high=1), "0.5"),
        (Int(low=0, high=1), None),
    ],
    ids=str,
)
def test_values_outside_are_refused_with_the_rule(parameter, value):
    with pytest.raises(ValueError, match=f"must be .*not {value!r}"):
        parameter.allow(value)


def test_rounding_may_leave_the_range_as_hyperopts_does():
    assert Float(low=1, high=10, round_to=4).bounds() == (0, 8)
    assert Float(low=3, high=11, round_to=4).bounds() == (4, 12)


def test_a_multiple_that_is_drawn_with_probability_zero_is_none():
    # 1 / 2 and 7 / 2 are halves, which round to even: 0 and 8 have a single point each.
    parameter = Float(low=1, high=7, round_to=2)
    assert parameter.bounds() == (2, 6)
    assert (parameter.rounded(1), parameter.rounded(7)) == (2, 6)
    assert parameter.count() == 3


def test_a_logarithmic_int_favours_no_end():
    rng = Random(0)
    drawn = [Int(low=1, high=4, log=True).draw(rng) for _ in range(20_000)]
    share = math.log(1.5 / 0.5) / math.log(4.5 / 0.5)
    assert drawn.count(1) / len(drawn) == pytest.approx(share, abs=0.02)
