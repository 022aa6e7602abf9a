import pytest

from kerasearch.searchspaces.problems import Problem
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.searchspaces.training import DEFAULTS, TRAINING_PARAMETERS, training_problems


def problems_of(raw: dict[str, object]) -> list[Problem]:
    parameters = SearchSpace.parse(raw).parameters.items()
    return [problem for name, each in parameters for problem in training_problems(name, each)]


@pytest.mark.parametrize(
    "raw",
    [
        {},
        DEFAULTS,
        {"optimizer": "{{choice(['sgd', 'adamw'])}}", "epochs": 10},
        {"learning_rate": "{{loguniform(-10, 0)}}", "weight_decay": 0},
        {"learning_rate": "{{lognormal(-5, 1)}}"},
        {"batch_size": "{{quniform(16, 64, 16)}}", "clipnorm": "{{choice([None, 1])}}"},
        {"batch_size": {"type": "int", "low": 8, "high": 256, "log": True}},
        {"weight_decay": {"type": "float", "low": 0, "high": 0.1}},
        {"other": -1},
    ],
)
def test_a_space_that_training_can_use_passes(raw):
    assert problems_of(raw) == []


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("optimizer", "adm", "no optimizer 'adm'; did you mean 'adam'?"),
        ("optimizer", 1, "no optimizer '1'"),
        ("optimizer", "{{uniform(0, 1)}}", "a choice of names"),
        ("learning_rate", 0, "a number above 0, and choice of 0 isn't always"),
        ("learning_rate", None, "a number above 0"),
        ("learning_rate", "0.01", "a number above 0"),
        ("learning_rate", True, "a number above 0"),
        ("learning_rate", "{{uniform(0, 1)}}", "float from 0 to 1 isn't always"),
        ("learning_rate", "{{normal(1, 1)}}", "above 0"),
        ("learning_rate", "{{quniform(0.001, 1, 0.1)}}", "above 0"),
        ("learning_rate", "{{qlognormal(0, 1, 1)}}", "above 0"),
        ("batch_size", 0, "a whole number at least 1"),
        ("batch_size", 32.5, "a whole number"),
        ("batch_size", "{{randint(64)}}", "a whole number at least 1"),
        ("batch_size", "{{uniform(16, 64)}}", "a whole number"),
        ("batch_size", "{{quniform(16, 64, 0.5)}}", "a whole number"),
        ("clipnorm", "{{choice([None, 0])}}", "above 0 or null"),
        ("weight_decay", -0.1, "at least 0 or null"),
        ("epochs", None, "a whole number at least 1"),
    ],
)
def test_a_space_that_could_give_a_bad_value_is_refused(name, raw, words):
    (problem,) = problems_of({name: raw})
    assert problem.pointer == f"/{name}"
    assert words in problem.detail


def test_the_defaults_are_of_names_that_training_reads():
    assert DEFAULTS.keys() == set(TRAINING_PARAMETERS) - {"epochs"}
