"""Every recurrent cell computes its equations, and its gradients are those of what it computes."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from kerasearch.models.lstm_variants import VARIANTS, LSTMVariantCell

Array = NDArray[np.float64]
FEATURES, UNITS, STEPS = 3, 4, 5
CELLS: dict[str, Callable[[], keras.Layer]] = {
    "simple_rnn": lambda: keras.layers.SimpleRNNCell(UNITS, dtype="float64"),
    "gru": lambda: keras.layers.GRUCell(UNITS, dtype="float64"),
    "lstm": lambda: keras.layers.LSTMCell(UNITS, dtype="float64"),
    **{name: lambda name=name: LSTMVariantCell(UNITS, name, dtype="float64") for name in VARIANTS},
}
each_cell = pytest.mark.parametrize("name", CELLS)


def layer_of(name: str) -> tuple[keras.layers.RNN, dict[str, Array]]:
    """The cell over a sequence, with weights drawn at random; those by name."""
    layer = keras.layers.RNN(CELLS[name](), dtype="float64")
    layer.build((None, STEPS, FEATURES))
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return layer, {weight.name: keras.ops.convert_to_numpy(weight) for weight in layer.weights}


def sequence(rows: int = 2) -> Array:
    return np.random.default_rng(1).normal(size=(rows, STEPS, FEATURES))


def logistic(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def last_output(name: str, w: dict[str, Array], x: Array) -> Array:
    """By the equations, in NumPy."""
    h = c = np.zeros((len(x), UNITS))
    before = np.zeros((len(x), 3 * UNITS))
    for step in range(x.shape[1]):
        if name == "simple_rnn":
            h = np.tanh(x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"])
            continue
        if name == "gru":
            h = gru_step(w, x[:, step], h)
            continue
        order = {"lstm": "ifgo"}.get(name) or {
            "lstm_coupled": "fog",
            "lstm_no_input_gate": "fog",
            "lstm_no_forget_gate": "iog",
            "lstm_no_output_gate": "ifg",
        }.get(name, "ifog")
        z = x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"]
        if name == "lstm_full_gate_recurrence":
            z[:, : 3 * UNITS] += before @ w["gate_kernel"]
        part = {key: z[:, k * UNITS : (k + 1) * UNITS] for k, key in enumerate(order)}
        peeps = dict(
            zip(order.replace("g", ""), w.get("peepholes", np.zeros((3, UNITS))), strict=False)
        )
        one = np.ones_like(c)
        f = logistic(part["f"] + peeps["f"] * c) if "f" in part else one
        i = logistic(part["i"] + peeps["i"] * c) if "i" in part else one
        if name == "lstm_coupled":
            i = 1 - f
        g = part["g"] if name == "lstm_no_input_activation" else np.tanh(part["g"])
        c = f * c + i * g
        o = logistic(part["o"] + peeps["o"] * c) if "o" in part else one
        h = o * (c if name == "lstm_no_output_activation" else np.tanh(c))
        before = np.concatenate([i, f, o], axis=1)
    return h


def gru_step(w: dict[str, Array], x: Array, h: Array) -> Array:
    """With the reset gate after the product, as Keras's default has it."""
    xz, xr, xh = np.split(x @ w["kernel"] + w["bias"][0], 3, axis=1)
    hz, hr, hh = np.split(h @ w["recurrent_kernel"] + w["bias"][1], 3, axis=1)
    z, r = logistic(xz + hz), logistic(xr + hr)
    return z * h + (1 - z) * np.tanh(xh + r * hh)


@each_cell
def test_a_cell_computes_its_equations(name: str) -> None:
    layer, weights = layer_of(name)
    x = sequence()
    given = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(given, last_output(name, weights, x), rtol=1e-9, atol=1e-12)


@each_cell
def test_gradients_are_finite_differences(name: str) -> None:
    layer, _ = layer_of(name)
    x = tf.constant(sequence())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    variables = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(loss, variables)
    rng, step = np.random.default_rng(2), 1e-6
    for variable, gradient in zip(variables, gradients, strict=True):
        direction = rng.normal(size=variable.shape)
        start = variable.numpy()
        ends = []
        for side in (-1, 1):
            variable.assign(start + side * step * direction)
            ends.append(float(tf.reduce_sum(layer(x) ** 2)))
        variable.assign(start)
        slope = (ends[1] - ends[0]) / (2 * step)
        assert float(np.sum(gradient * direction)) == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_an_lstm_of_one_unit_has_the_gates_that_are_known() -> None:
    """Input gate 0.515, candidate 0.080, forget gate 0.501, output gate 0.501."""
    cell = keras.layers.LSTMCell(1, dtype="float64")
    cell.build((None, 1))
    cell.kernel.assign([[0.5, 0.03, 0.3, 0.02]])  # input, forget, candidate, output
    cell.recurrent_kernel.assign([[0.25, 0.06, 0.4, 0.04]])
    cell.bias.assign([0.01, 0.002, 0.05, 0.001])
    x, zero, one = np.array([[0.1]]), np.zeros((1, 1)), np.ones((1, 1))
    _, (h, c) = cell(x, [zero, zero])
    _, (_, c_of_one) = cell(x, [zero, one])
    assert float(c[0, 0]) == pytest.approx(0.515 * 0.080, abs=5e-4)
    assert float(c_of_one[0, 0] - c[0, 0]) == pytest.approx(0.501, abs=5e-4)
    assert float(h[0, 0]) / np.tanh(float(c[0, 0])) == pytest.approx(0.501, abs=5e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_saved_variant_predicts_the_same(name: str, tmp_path: Path) -> None:
    inputs = keras.Input((STEPS, FEATURES))
    masked = keras.layers.Masking()(inputs)
    cell = LSTMVariantCell(UNITS, name, dropout=0.2, recurrent_dropout=0.2)
    model = keras.Model(inputs, keras.layers.RNN(cell)(masked))
    x = sequence().astype(np.float32)
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.ones((2, UNITS)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))


@pytest.mark.parametrize("name", VARIANTS)
def test_steps_that_are_masked_change_nothing(name: str) -> None:
    layer, _ = layer_of(name)
    x = sequence()
    padded = np.concatenate([x, np.full_like(x, 7)], axis=1)
    mask = np.arange(2 * STEPS)[None, :] < np.full((2, 1), STEPS)
    np.testing.assert_allclose(layer(padded, mask=mask), layer(x), rtol=1e-12)


def test_the_forget_gate_starts_open() -> None:
    cell = LSTMVariantCell(UNITS)
    cell.build((None, FEATURES))
    assert cell.bias.numpy().tolist() == [0.0] * UNITS + [1.0] * UNITS + [0.0] * 2 * UNITS
