"""Stateful models: batches of a fixed number of rows, each going on where the one before ended."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def batch_rows(model: "keras.Model") -> int | None:
    """How many rows a batch of a stateful model has; None for a model that takes any."""
    inputs = getattr(model, "inputs", None)
    return inputs[0].shape[0] if inputs else None


def reset_states(model: "keras.Model") -> None:
    """Forget what came before: the next batch is the first of its streams."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
