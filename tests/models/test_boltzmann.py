"""The Boltzmann machine's probabilities, its energies, and what it learns by."""

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasearch.models.boltzmann import BoltzmannMachine

KERNEL = [[0.1, 0.2, -0.1, 0.3], [0.3, -0.2, 0.4, -0.1], [-0.3, 0.1, 0.5, 0.2]]
ROW = np.array([[0.5, 0.3, 0.7]])


def known_machine(steps: int = 1) -> BoltzmannMachine:
    machine = BoltzmannMachine(4, steps, seed=1, dtype="float64")
    machine.build((None, 3))
    machine.kernel.assign(KERNEL)
    machine.hidden_bias.assign([0.1, -0.2, 0.3, -0.1])
    machine.visible_bias.assign([-0.1, 0.2, 0.0])
    return machine


def test_probabilities_are_those_that_are_known() -> None:
    machine = known_machine()
    hidden = machine.hidden_probabilities(ROW)
    np.testing.assert_allclose(hidden[0], [0.507, 0.478, 0.673, 0.540], atol=5e-4)
    visible = machine.visible_probabilities(hidden)
    np.testing.assert_allclose(visible[0], [0.535, 0.616, 0.584], atol=5e-4)
    np.testing.assert_allclose(machine(ROW), visible)


def test_free_energies_are_sums_over_all_hidden_states() -> None:
    machine = known_machine()
    visible = np.array(list(product([0.0, 1.0], repeat=3)))
    hidden = np.array(list(product([0.0, 1.0], repeat=4)))
    kernel, b, c = (np.asarray(w) for w in (KERNEL, machine.visible_bias, machine.hidden_bias))
    minus_energy = visible @ kernel @ hidden.T + (visible @ b)[:, None] + hidden @ c
    np.testing.assert_allclose(
        machine.free_energy(visible), -np.log(np.exp(minus_energy).sum(axis=1)), rtol=1e-6
    )


def test_the_gradient_is_that_of_contrastive_divergence() -> None:
    machine = known_machine()
    dreamt = known_machine()._gibbs(ROW, None).numpy()  # by the same seed
    with tf.GradientTape() as tape:
        machine(ROW, training=True)
        (loss,) = machine.losses
    gradients = tape.gradient(loss, [w.value for w in machine.trainable_weights])
    before, after = (machine.hidden_probabilities(v).numpy() for v in (ROW, dreamt))
    np.testing.assert_allclose(gradients[0], -(ROW.T @ before - dreamt.T @ after), rtol=1e-9)
    np.testing.assert_allclose(gradients[1], -(before - after)[0], rtol=1e-9)
    np.testing.assert_allclose(gradients[2], -(ROW - dreamt)[0], rtol=1e-9)


def test_no_other_loss_moves_it() -> None:
    machine = known_machine()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(machine(ROW, training=True) ** 2)
    assert tape.gradient(loss, [w.value for w in machine.trainable_weights]) == [None] * 3


def test_what_is_unknown_takes_no_part() -> None:
    known = np.array([[1.0, 1.0, 0.0]])
    one, other = (np.array([[0.5, 0.3, last]]) for last in (0.7, 0.1))
    gradients = []
    for row in (one, other):
        machine = known_machine(steps=2)
        with tf.GradientTape() as tape:
            machine(row, known, training=True)
            (loss,) = machine.losses
        gradients.append(tape.gradient(loss, machine.kernel.value).numpy())
    np.testing.assert_array_equal(*gradients)
    assert gradients[0][:2].any()
    assert not gradients[0][2].any()


@pytest.mark.parametrize("steps", [1, 3])
def test_it_learns_which_rows_there_are(steps: int) -> None:
    """Two patterns: afterwards they have less free energy than any other row."""
    rows = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]] * 50, np.float32)
    inputs = keras.Input((4,))
    machine = BoltzmannMachine(3, steps, seed=2)
    model = keras.Model(inputs, machine(inputs))
    model.compile(keras.optimizers.SGD(0.5), loss="mse")
    history = model.fit(rows, rows, batch_size=10, epochs=40, verbose=0).history
    assert "free_energy" in history
    every = np.array(list(product([0.0, 1.0], repeat=4)), np.float32)
    lowest = every[np.argsort(machine.free_energy(every))[:2]]
    assert {*map(tuple, lowest.tolist())} == {(1, 1, 0, 0), (0, 0, 1, 1)}
