"""Codes: what a model makes of a row before it makes the row again."""

import keras
import numpy as np
import pytest

from kerasearch.models import load_family
from kerasearch.models.boltzmann import BoltzmannMachine
from kerasearch.models.codes import code_names, encoder_of
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.ratings import UNKNOWN
from kerasearch.models.datasets.scaling import Scaling
from kerasearch.models.evaluation import predict
from kerasearch.models.family import hyperparameters
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Params

CODE: Params = {"variant": "deep", "activation": "tanh", "layers": 2, "code": 2}
BELIEF: Params = {"layers": 2, "units_1": 5, "units_2": 2}
UNTRAINED: Params = {"pretraining_epochs": 0, "pretraining_rate": 0.1}
MACHINE: Params = {"hidden": 3, "gibbs_steps": 1}
CELLS: Params = {"rows": 3, "columns": 2, "sigma": 1, "sigma_decay": 1, "rate": 1, "rate_decay": 1}


def built(name: str, params: Params, task: TaskName = "reconstruction") -> keras.Model:
    scaling = Scaling(np.zeros(4, np.float32), np.ones(4, np.float32))
    shape = DataShape((4,), 2, scaling, task, (4,), None)
    return load_family(name)(shape).build(hyperparameters(params))


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(7, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "params"), [("autoencoder", CODE), ("dbn", {**BELIEF, **UNTRAINED})]
)
def test_all_that_is_told_of_a_row_is_made_of_its_code(
    name: str, params: Params, rows: np.ndarray
) -> None:
    model = built(name, params)
    encoder = encoder_of(model)
    assert code_names(encoder) == ["code_1", "code_2"]
    told = predict(encoder, rows)
    for layer in model.layers[len(encoder.layers) :]:
        told = layer(told)
    np.testing.assert_allclose(told, predict(model, rows), rtol=1e-5)


def test_the_code_of_a_machine_is_its_hidden_units(rows: np.ndarray) -> None:
    model = built("rbm", MACHINE)
    machine = next(layer for layer in model.layers if isinstance(layer, BoltzmannMachine))
    expected = 1 / (1 + np.exp(-(rows @ np.asarray(machine.kernel) + machine.hidden_bias)))
    np.testing.assert_allclose(predict(encoder_of(model), rows), expected, rtol=1e-5)


def test_unknown_ratings_are_no_part_of_a_machine_s_code(rows: np.ndarray) -> None:
    encoder = encoder_of(built("rbm", MACHINE, "rating_prediction"))
    rows[:, 1] = UNKNOWN
    known = predict(encoder, rows)
    rows[:, 1] = 0
    np.testing.assert_allclose(known, predict(encoder, rows), rtol=1e-5)


def test_the_code_of_a_map_is_the_winning_cell(rows: np.ndarray) -> None:
    model = built("som", CELLS, "mapping")
    encoder = encoder_of(model)
    assert code_names(encoder) == ["row", "column", "distance", "apart"]
    np.testing.assert_array_equal(predict(encoder, rows), predict(model, rows))


def test_other_models_make_no_codes() -> None:
    params = {"layers": 1, "units_1": 4, "activation": "relu", "batch_norm": False, "dropout": 0.0}
    assert encoder_of(built("mlp", params, "classification")) is None
