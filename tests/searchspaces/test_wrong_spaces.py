import json
from pathlib import Path

import pytest

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace

# Tried over HTTP too, and timed in benchmarks/hyperas_parser.py.
WRONG = json.loads(Path(__file__).with_name("wrong_spaces.json").read_text())


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong["kind"])
def test_a_wrong_space_is_refused_at_the_place_with_advice(wrong):
    with pytest.raises(InvalidInput) as caught:
        SearchSpace.parse(wrong["space"])
    (problem,) = caught.value.problems
    assert problem.pointer == wrong["pointer"]
    assert wrong["says"] in problem.detail
