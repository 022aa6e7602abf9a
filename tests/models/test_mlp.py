import keras
import pytest

from kerasearch.searchspaces.mlp import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_keras_knows_every_activation_and_it_keeps_the_width(name: str) -> None:
    assert keras.layers.Activation(name)(keras.ops.ones((2, 3))).shape == (2, 3)
