"""A model that is sketched first and then given its values is the one that `build` gives."""

import random
from collections.abc import Mapping

import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters

from kerasearch.models import FAMILIES, load_family
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.scaling import Scaling
from kerasearch.models.family import ModelFamily, hyperparameters
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.mlp import MLP
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.sketch import give_values, sketched
from kerasearch.models.training import train
from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.parameters import Value

TABLE, SERIES, PICTURE = (6,), (6, 2), (8, 8, 1)

BUILT: list[tuple[str, tuple[int, ...], Mapping[str, Value]]] = [
    ("mlp", TABLE, {"layers": 2, "batch_norm": True, "dropout": 0.3, "input_dropout": 0.1}),
    ("cnn", PICTURE, {"blocks": 2, "augmentation": True, "dropout": 0.3, "batch_norm": True}),
    ("conv1d", SERIES, {"blocks": 2, "batch_norm": True}),
    ("recurrent", SERIES, {"cell": "lstm", "bidirectional": True, "recurrent_dropout": 0.2}),
    ("recurrent", SERIES, {"cell": "gru", "layers": 2, "recurrent_initializer": "orthogonal"}),
]


def make_family(name: str, shape: tuple[int, ...]) -> ModelFamily:
    channels = shape[-1]
    scaling = Scaling(np.full(channels, 2.0), np.full(channels, 3.0))
    return load_family(name)(DataShape(shape, 3, scaling))


def make_params(name: str, fixed: Mapping[str, Value]) -> HyperParameters:
    space = SearchSpace.parse(fixed, FAMILIES[name].space)
    return hyperparameters(space.sample(random.Random(0)))


@pytest.mark.parametrize(("name", "shape", "fixed"), BUILT)
def test_given_values_it_is_what_build_gives_with_the_same_seed(
    name: str, shape: tuple[int, ...], fixed: Mapping[str, Value]
) -> None:
    family = make_family(name, shape)
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    built = family.build(make_params(name, fixed))
    keras.utils.set_random_seed(3)
    with sketched(family, make_params(name, fixed)) as sketch:
        give_values()

    assert not sketch.lost_values
    model = sketch.model
    assert model.to_json() == built.to_json()
    assert [v.path for v in model.variables] == [v.path for v in built.variables]
    for value, same in zip(model.variables, built.variables, strict=True):
        np.testing.assert_array_equal(value, same)
    rows = np.random.default_rng(0).normal(size=(5, *shape)).astype(np.float32)
    for training in (False, True):  # the second one draws
        np.testing.assert_array_equal(
            model(rows, training=training), built(rows, training=training)
        )


def test_a_sketch_that_is_too_large_never_gets_values() -> None:
    family = make_family("mlp", TABLE)
    params = make_params("mlp", {"layers": 2, "units_1": 10**7, "units_2": 10**7})
    with pytest.raises(InfeasibleError, match="too large"), sketched(family, params):
        give_values()
    give_values()  # would make them, were they not forgotten
    with sketched(family, make_params("mlp", {"layers": 1})) as sketch:
        assert sketch.model.built


class Pretrained(MLP):
    def build(self, hp: HyperParameters) -> keras.Model:
        model = super().build(hp)
        model.layers[-1].set_weights([np.full((8, 3), 0.5), np.arange(3)])
        return model


def test_weights_that_are_set_while_a_model_is_built_are_trained_from() -> None:
    family = Pretrained(make_family("mlp", TABLE).data)
    params = {"layers": 1, "units_1": 8, "optimizer": "sgd", "learning_rate": 1e-12}
    whole = SearchSpace.parse(params, FAMILIES["mlp"].space).sample(random.Random(0))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, *TABLE)).astype(np.float32), rng.integers(0, 3, 40)
    parts = Parts(x[:30], y[:30], x[30:], y[30:])
    trained = train(family, whole, parts, TrainingPlan(epochs=1), 0, lambda *_: True)
    assert trained.path == "compiled epochs"
    kernel, bias = trained.model.layers[-1].get_weights()
    np.testing.assert_allclose(kernel, 0.5, rtol=1e-5)
    np.testing.assert_allclose(bias, [0, 1, 2], atol=1e-5)
