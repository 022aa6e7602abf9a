from itertools import islice

import pytest

from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.enumeration import configurations

FINITE = {
    "cell": {"type": "choice", "values": ["lstm", "gru", None]},
    "second_layer": {"type": "choice", "values": ["one", "two"]},
    "dense": {"type": "int", "low": 1, "high": 4, "log": True, "when": {"second_layer": ["two"]}},
    "dropout": {"type": "float", "low": 0, "high": 0.2, "step": 0.1, "when": {"dense": [2, 3]}},
    "units": "{{quniform(10, 30, 8)}}",
}


def test_every_configuration_comes_once() -> None:
    space = SearchSpace.parse(FINITE)
    found = list(configurations(space))
    assert len(found) == space.size()
    assert len({repr(params) for params in found}) == len(found)
    assert all(space.check(params) == params for params in found)


def test_the_first_of_a_huge_space_cost_nothing() -> None:
    wide = {f"x{i}": {"type": "int", "low": 0, "high": 10**9} for i in range(50)}
    assert len(list(islice(configurations(SearchSpace.parse(wide)), 3))) == 3


def test_an_empty_space_has_one_configuration() -> None:
    assert list(configurations(SearchSpace.parse({}))) == [{}]


@pytest.mark.parametrize("endless", ["{{uniform(0, 1)}}", "{{qnormal(0, 1, 1)}}"])
def test_an_infinite_space_is_refused(endless: str) -> None:
    with pytest.raises(ValueError, match="infinitely many"):
        list(configurations(SearchSpace.parse({"x": endless})))
