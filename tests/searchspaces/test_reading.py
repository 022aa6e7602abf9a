import math

import pytest

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.reading import parse_parameter


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
        ({"type": "float", "low": 1, "high": 1}, "/low", "for one value write it alone"),
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
