import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kerasearch.searchspaces import SPACES, default_space
from kerasearch.searchspaces.hyperas import DISTRIBUTIONS
from kerasearch.searchspaces.schema import space_schema

WRONG = json.loads(Path(__file__).with_name("wrong_spaces.json").read_text())
NOT_OF_LOOKS = {  # but of what one part means to another
    "a logarithm of zero", "a step longer than the range", "a step of zero", "a step past the end",
    "a value twice", "a value that the parent can't take", "a circle", "a parent of its own",
    "a parent that is a real number", "a setter by a training name", "a text of control characters",
    "an argument too few", "an exponential beyond doubles", "a power beyond all bounds",
    "an unknown parent", "bounds that are one", "bounds the wrong way round", "log and step",
    "code in a distribution", "a logarithm for a bound", "a deviation of zero", "no values",
    "step and round_to", "too wide a range", "two setters at once", "a condition of no values",
    "what training doesn't read is set",
}  # fmt: skip


@pytest.fixture(scope="module")
def schema():
    Draft202012Validator.check_schema(space_schema())
    return Draft202012Validator(space_schema())


@pytest.mark.parametrize("family", SPACES)
def test_the_canonical_space_of_each_family_is_valid(schema, family):
    schema.validate(default_space(family).canonical())


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_hyperas_string_is_valid_and_one_left_open_is_not(schema, name):
    schema.validate({"x": f"{{{{{name}([1,\n 2]) }}}}\n"})
    assert not schema.is_valid({"x": f"{{{{{name}([1, 2])"})


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "lstm"])
def test_a_plain_value_is_valid(schema, value):
    schema.validate({"x": value})


def test_conditions_and_setters_are_valid(schema):
    schema.validate(
        {
            "x": {
                "type": "float",
                "low": 1,
                "high": 2.5,
                "when": {"optimizer": ["sgd", None, 1, True]},
                "sets": "learning_rate",
            }
        }
    )


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong["kind"])
def test_a_space_of_wrong_looks_is_not_valid(schema, wrong):
    assert schema.is_valid(wrong["space"]) == (wrong["kind"] in NOT_OF_LOOKS)
