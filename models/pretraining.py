"""Greedy pretraining: layer by layer, each on what the one before it gives."""

import keras
import numpy as np

from kerasearch.models.datasets.arrays import Features


def outputs_of(model: keras.Model, layer: str, x: Features) -> Features:
    """What a layer of a model gives for raw rows."""
    seen = keras.Model(model.input, model.get_layer(layer).output)
    return np.asarray(seen.predict(x, verbose=0))


def learn_to_repeat(model: keras.Model, values: Features, *, batch: int, epochs: int) -> None:
    """Train a compiled model to give its rows back, each epoch in an order of its own.

    The order follows from numpy's global state, which training seeds for each trial.
    """
    rng = np.random.default_rng(np.random.randint(2**31))
    for _ in range(epochs):
        rows = values[rng.permutation(len(values))]
        model.fit(rows, rows, batch, shuffle=False, verbose=0)
