import keras
import numpy as np
import pytest

from kerasearch.models.vanishing import GradientWatch

WATCHED = ("adadelta", "adam", "adamax", "adamw", "lion", "nadam", "rmsprop", "sgd")


def watched(optimizer: str, scale: float) -> tuple[str, ...]:
    """What is said of six layers, each of which lets so much of a gradient through."""
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    start = keras.initializers.Orthogonal(gain=scale)
    layers = [keras.layers.Dense(4, kernel_initializer=start, name=f"deep_{i}") for i in range(6)]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, name="end")])
    model.compile(keras.optimizers.get(optimizer), "mse", run_eagerly=True)
    watch = GradientWatch()
    model.fit(x, x[:, :1], batch_size=32, epochs=2, verbose=0, callbacks=[watch])
    return watch.warnings


@pytest.mark.parametrize("optimizer", WATCHED)
def test_a_first_layer_that_no_gradient_reaches_is_warned_of(optimizer: str) -> None:
    (warning,) = watched(optimizer, 1e-2)
    assert warning.startswith(
        "vanishing gradients: in 2 epochs, from epoch 1 on, those of the first layer, deep_0, "
        "were under 1e-07 of those of the last, end;"
    )


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])  # one of each kind of memory
def test_a_first_layer_that_learns_is_not(optimizer: str) -> None:
    assert watched(optimizer, 0.9) == ()


def test_optimizers_that_remember_no_gradients_are_not_watched() -> None:
    assert watched("adagrad", 1e-2) == ()


def test_a_single_layer_has_none_to_compare_with() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    watch = GradientWatch()
    model.fit(np.ones((4, 2)), np.ones(4), epochs=1, verbose=0, callbacks=[watch])
    assert watch.warnings == ()
