"""Penalties on codes are what their formulas say."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasearch.models.code_penalties import ContractiveDense, KLDivergence


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_the_penalty_is_the_squared_norm_of_the_jacobian(activation: str) -> None:
    layer = ContractiveDense(3, activation, penalty=2.0, dtype="float64")
    layer.build((None, 5))
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 5)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
    norms = tf.reduce_sum(tape.batch_jacobian(outputs, x) ** 2, axis=[1, 2])
    layer(x, training=True)
    assert float(layer.losses[0]) == pytest.approx(2 * float(tf.reduce_mean(norms)), rel=1e-9)


def test_nothing_is_penalized_outside_training() -> None:
    layer = ContractiveDense(3, "tanh", penalty=2.0)
    layer(np.ones((4, 5), np.float32))
    assert layer.losses == []


def test_the_divergence_is_that_of_two_coins() -> None:
    activity = np.array([[0.1, 0.9], [0.3, 0.5]])
    mean = activity.mean(axis=0)
    divergence = 0.05 * np.log(0.05 / mean) + 0.95 * np.log(0.95 / (1 - mean))
    layer = keras.layers.ActivityRegularization()
    layer.activity_regularizer = KLDivergence(3.0, 0.05)
    layer(activity.astype(np.float32))
    assert float(layer.losses[0]) == pytest.approx(3 * divergence.sum(), rel=1e-5)


def test_codes_that_are_as_active_as_wanted_cost_nothing() -> None:
    assert float(KLDivergence(3.0, 0.25)(np.full((8, 2), 0.25))) == pytest.approx(0, abs=1e-6)
