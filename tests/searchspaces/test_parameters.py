import json
import math
from random import Random

import pytest

from kerasearch.searchspaces.parameters import (
    Choice,
    Float,
    Int,
    Normal,
    parse_parameter,
    values_are,
)
from kerasearch.searchspaces.problems import InvalidInput

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


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Choice(values=(1, 2.0)), "whole numbers"),
        (Choice(values=(1, 0.5)), "numbers"),
        (Choice(values=("a", "b")), "texts"),
        (Choice(values=(True,)), "true or false"),
        (Choice(values=(None, 1)), "anything"),
        (Float(low=16, high=64, round_to=16), "whole numbers"),
        (Float(low=0.5, high=2.5, step=1), "numbers"),
        (Normal(mean=0, std=1), "numbers"),
    ],
    ids=str,
)
def test_the_kind_of_all_values_is_known(parameter, words):
    assert values_are(parameter) == words


@pytest.mark.parametrize(
    ("raw", "pointer", "words"),
    [
        ({}, "", "says its type"),
        ({"type": "flaot"}, "/type", "did you mean 'float'?"),
        ({"type": ["float"]}, "/type", "no parameter type"),
        ({"type": "choice"}, "/values", "needs values"),
        ({"type": "choice", "values": [1], "valeus": [1]}, "/valeus", "did you mean 'values'?"),
        ({"type": "choice", "values": []}, "/values", "at least one"),
        ({"type": "choice", "values": 3}, "/values", "must be a list, not 3"),
        ({"type": "choice", "values": "ab"}, "/values", "must be a list, not 'ab'"),
        ({"type": "choice", "values": list(range(1001))}, "/values", "at most 1000"),
        ({"type": "choice", "values": [1, 2, 1.0]}, "/values/2", "distinct, and 1.0 came before"),
        ({"type": "choice", "values": ["a", "a"]}, "/values/1", "distinct"),
        ({"type": "choice", "values": [None, None]}, "/values/1", "distinct"),
        ({"type": "choice", "values": [[1]]}, "/values/0", "not a list"),
        ({"type": "choice", "values": [math.nan]}, "/values/0", "finite"),
        ({"type": "choice", "values": [math.inf]}, "/values/0", "finite"),
        ({"type": "choice", "values": ["a\n"]}, "/values/0", "printable"),
        ({"type": "choice", "values": ["\ud800"]}, "/values/0", "printable"),
        ({"type": "choice", "values": ["x" * 501]}, "/values/0", "at most 500"),
        ({"type": "choice", "values": [2**60]}, "/values/0", "2^53"),
        ({"type": "float", "low": 1}, "/high", "needs high"),
        ({"type": "float", "low": True, "high": 2}, "/low", "a number, not True"),
        ({"type": "float", "low": 0, "high": "2"}, "/high", "a number, not '2'"),
        ({"type": "float", "low": 0, "high": math.inf}, "/high", "finite"),
        ({"type": "float", "low": math.nan, "high": 1}, "/low", "finite"),
        ({"type": "float", "low": 0, "high": 10**400}, "/high", "must be a number"),
        ({"type": "float", "low": -1e308, "high": 1e308}, "/high", "too wide"),
        ({"type": "float", "low": 2, "high": 1}, "/low", "must be below high"),
        ({"type": "float", "low": 1, "high": 1}, "/low", "write the value alone"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, "/low", "log needs a low above 0"),
        ({"type": "float", "low": 0, "high": 1, "log": 1}, "/log", "true or false, not 1"),
        ({"type": "float", "low": 1, "high": 2, "log": True, "step": 1}, "/step", "exclude"),
        ({"type": "float", "low": 0, "high": 1, "step": 0}, "/step", "above 0"),
        ({"type": "float", "low": 0, "high": 1, "step": 2}, "/step", "must fit"),
        ({"type": "float", "low": 0, "high": 1, "step": 0.3}, "/step", "make high 0.9"),
        ({"type": "float", "low": 0, "high": 1, "step": 1e-300}, "/step", "too fine"),
        ({"type": "float", "low": 0, "high": 1, "round_to": -1}, "/round_to", "above 0"),
        ({"type": "float", "low": 0, "high": 1, "round_to": 5e-324}, "/round_to", "too fine"),
        (
            {"type": "float", "low": 0, "high": 1, "step": 1, "round_to": 1},
            "/round_to",
            "exclude",
        ),
        ({"type": "int", "low": 1.5, "high": 3}, "/low", "a whole number, not 1.5"),
        ({"type": "int", "low": False, "high": 3}, "/low", "a whole number, not False"),
        ({"type": "int", "low": 0, "high": 2**60}, "/high", "at most 2^53"),
        ({"type": "int", "low": 0, "high": 10, "step": 3}, "/step", "make high 9"),
        ({"type": "int", "low": 0, "high": 10, "log": True}, "/low", "log needs"),
        ({"type": "normal", "mean": 0, "std": 0}, "/std", "above 0"),
        ({"type": "normal", "mean": 1e5, "std": 1, "log": True}, "/mean", "too large"),
        ({"type": "normal", "mean": 0, "std": 1e308}, "/std", "too large"),
        ({"type": "normal", "mean": 0, "std": 1, "step": 0}, "/step", "above 0"),
        ({"type": "normal", "mean": 0, "std": 1, "step": 1e-300}, "/step", "too fine"),
        ({"type": "choice", "values": [1], "when": ["a"]}, "/when", "a mapping of a parent"),
        ({"type": "choice", "values": [1], "when": {"a": 2}}, "/when/a", "must be a list, not 2"),
        ({"type": "choice", "values": [1], "when": {"a": []}}, "/when/a", "at least one"),
        ({"type": "choice", "values": [1], "when": {"a": [1, 1.0]}}, "/when/a/1", "distinct"),
        ({"type": "choice", "values": [1], "when": {"a": [{}]}}, "/when/a/0", "not a mapping"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_refused_where_it_is_wrong(raw, pointer, words):
    with pytest.raises(InvalidInput) as caught:
        parse_parameter(raw)
    (problem,) = caught.value.problems
    assert problem.pointer == pointer
    assert words in problem.detail


def test_every_problem_of_a_parameter_is_reported():
    with pytest.raises(InvalidInput) as caught:
        parse_parameter({"type": "float", "low": 0, "high": -1, "log": True, "step": -1})
    assert [p.pointer for p in caught.value.problems] == ["/low", "/low", "/step", "/step"]
