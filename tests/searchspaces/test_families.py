import subprocess
import sys
from random import Random

import pytest

from kerasearch.searchspaces import SPACES, InvalidInput, default_space, space_for
from kerasearch.searchspaces.parameters import Choice, Float
from kerasearch.searchspaces.training import TRAINING_PARAMETERS

each_family = pytest.mark.parametrize("family", SPACES)


@each_family
def test_a_default_space_is_searched_as_it_is(family):
    space = default_space(family)
    assert space_for(family, {}) == space
    assert space_for(family, space.canonical()) == space
    for seed in range(20):
        params = space.sample(Random(seed))
        assert space.check(params) == params


# A map learns without gradients, so it has no optimizer.
@pytest.mark.parametrize("family", sorted(set(SPACES) - {"som"}))
def test_a_family_may_be_given_every_training_parameter(family):
    raw = {"clipnorm": "{{choice([None, 1.0])}}", "weight_decay": 0.0, "epochs": 5}
    assert raw.keys() <= space_for(family, raw).parameters.keys()
    assert set(TRAINING_PARAMETERS) <= {*space_for(family, raw).parameters}


def test_the_documented_example_over_the_recurrent_default_means_what_it_says():
    raw = {
        "cell": "lstm",
        "units": "{{choice([10, 20, 50, 100])}}",
        "second_layer": {"type": "choice", "values": ["one", "two"]},
        "dense_units": {
            "type": "choice",
            "values": [10, 20, 30, 100],
            "when": {"second_layer": ["two"]},
        },
        "learning_rate": {"type": "float", "low": 1.0e-6, "high": 0.1, "log": True},
        "batch_size": {"type": "choice", "values": [64, 128]},
    }
    parameters = space_for("recurrent", raw).parameters
    assert parameters["cell"] == Choice(values=("lstm",))
    assert parameters["dense_units"].when == {"second_layer": ("two",)}
    assert parameters["learning_rate"] == Float(low=1e-6, high=0.1, log=True)
    assert parameters["layers"] == default_space("recurrent").parameters["layers"]


def test_values_that_the_default_does_not_try_may_be_chosen():
    raw = {"cell": "lstm_peephole", "recurrent_dropout": "{{uniform(0, 0.5)}}"}
    parameters = space_for("recurrent", raw).parameters
    assert parameters["cell"] == Choice(values=("lstm_peephole",))
    assert parameters["recurrent_dropout"] == Float(low=0.0, high=0.5)


def only_when(**when):
    return {"type": "choice", "values": [16], "when": when}


@pytest.mark.parametrize(
    ("family", "raw", "pointers"),
    [
        ("recurrent", {"unitz": 10}, ["/unitz"]),
        ("recurrent", {"unitz": 10, "units": []}, ["/unitz", "/units"]),
        ("recurrent", {"units": "many"}, ["/units"]),
        ("recurrent", {"units": "{{uniform(10, 100)}}"}, ["/units"]),
        ("recurrent", {"cell": 3}, ["/cell"]),
        ("recurrent", {"cell": "{{choice(['gru', 'lstmm'])}}"}, ["/cell"]),
        ("recurrent", {"dropout": "high", "learning_rate": -1}, ["/dropout", "/learning_rate"]),
        ("recurrent", {"second_layer": "{{choice(['one', 'three'])}}"}, ["/second_layer"]),
        ("mlp", {"layers": {"type": "int", "low": 1, "high": 6}}, ["/layers"]),
        ("mlp", {"batch_norm": 1}, ["/batch_norm"]),
        ("mlp", {"optimizer": "adm"}, ["/optimizer"]),
        ("mlp", {"units_1": only_when(layers=[2])}, ["/units_1/when/layers"]),
        ("mlp", {"units_2": only_when(layers=[3])}, ["/units_2/when/layers"]),
        ("mlp", {"units_2": only_when(batch_norm=[True])}, ["/units_2/when/batch_norm"]),
    ],
)
def test_a_space_that_the_family_cant_read_is_refused(family, raw, pointers):
    with pytest.raises(InvalidInput) as caught:
        space_for(family, raw)
    assert [problem.pointer for problem in caught.value.problems] == pointers


def test_whole_floats_will_do_where_whole_numbers_are_read():
    space = space_for("recurrent", {"units": "{{quniform(10, 100, 10)}}", "dropout": 0})
    assert space.parameters["units"] == Float(low=10, high=100, round_to=10)


def test_a_condition_may_be_wider_than_the_familys_or_as_wide_as_it_can_be():
    for raw in (
        {"units_2": only_when(layers=[1, 2, 3, 4, 5])},
        {"units_2": only_when()},
        {"layers": {"type": "choice", "values": [1, 2]}, "units_2": only_when(layers=[2])},
        {"learning_rate": {**only_when(optimizer=["adam"]), "values": [0.01]}},
    ):
        assert raw.keys() <= space_for("mlp", raw).parameters.keys()


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ("{{choice([1, 0.5])}}", "numbers"),
        ("{{choice(['a', 'b'])}}", "texts"),
        (True, "true or false"),
        (None, "null"),
        ("{{choice([None, 1])}}", "anything"),
        ("{{normal(0, 1)}}", "numbers"),
        ({"type": "float", "low": 0.5, "high": 2.5, "step": 1}, "numbers"),
    ],
)
def test_values_of_another_kind_than_the_family_reads_are_refused(units, words):
    with pytest.raises(InvalidInput) as caught:
        space_for("recurrent", {"units": units})
    (problem,) = caught.value.problems
    assert problem.pointer == "/units"
    assert problem.detail.startswith("recurrent reads units as whole numbers, and ")
    assert problem.detail.endswith(f" gives {words}")


def test_an_unknown_family_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match="did you mean 'recurrent'"):
        default_space("recurent")


def test_search_spaces_need_pydantic_alone():
    code = (
        "import sys; from kerasearch.searchspaces import SPACES, default_space; "
        "[default_space(f) for f in SPACES]; "
        "print({'numpy', 'keras', 'tensorflow', 'optuna', 'hyperopt'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
