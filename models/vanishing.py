"""Gradients that vanish on their way to the first layer.

Nothing is computed for it but two norms an epoch: optimizers remember a mean of the last batches'
gradients, or of their squares (0.9 of Adam's first moment stays a batch), and plain SGD moves the
weights by their sum. adafactor, adagrad and ftrl remember no such thing and aren't watched.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

VANISHED = 1e-7
"""Of the last layer's gradients."""

_MEANS = ("_momentums", "momentums", "_m")
_MEAN_SQUARES = ("_velocities", "_accumulated_grads")

Norms = list[float]


class GradientWatch(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Notes after which epochs hardly any gradient had reached the first layer.

    Attributes:
        epochs: Those, from 1, with the ones that an earlier training of the model noted.
    """

    def __init__(self, epochs: Iterable[int] = ()) -> None:
        super().__init__()
        self.epochs = [*epochs]
        self._ends: list[keras.Layer] = []
        self._before: list[NDArray[Any]] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        layers = [layer for layer in self.model.layers if layer.trainable_weights]
        self._ends = [layers[0], layers[-1]] if len(layers) > 1 else []
        self._before = self._weights()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        norms = self._norms()
        if norms and norms[0] < VANISHED * norms[1]:
            self.epochs.append(epoch + 1)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence, where gradients vanished."""
        if not self.epochs:
            return ()
        first, last = (layer.name for layer in self._ends)
        return (
            f"vanishing gradients: in {len(self.epochs)} epochs, from epoch {self.epochs[0]} on, "
            f"those of the first layer, {first}, were under {VANISHED:g} of those of the last, "
            f"{last}; fewer layers, batch normalization or another activation may let it learn",
        )

    def _norms(self) -> Norms:
        """Of gradients of the first layer and of the last, in one unit; none where unknown."""
        optimizer, before = self.model.optimizer, self._before
        for names, power in ((_MEANS, 1.0), (_MEAN_SQUARES, 0.5)):
            for remembered in filter(None, (getattr(optimizer, name, None) for name in names)):
                return [_norm(_of_layer(remembered, optimizer, end), power) for end in self._ends]
        if type(optimizer) is keras.optimizers.SGD:
            self._before = self._weights()
            moved = [now - then for now, then in zip(self._before, before, strict=True)]
            count = len(self._ends[0].trainable_weights) if self._ends else 0
            return [_norm(moved[:count]), _norm(moved[count:])] if count else []
        return []

    def _weights(self) -> list[NDArray[Any]]:
        """Of both layers, one after the other."""
        weights = (weight for end in self._ends for weight in end.trainable_weights)
        return [np.array(keras.ops.convert_to_numpy(weight)) for weight in weights]


def _of_layer(
    remembered: Sequence[keras.Variable], optimizer: keras.Optimizer, layer: keras.Layer
) -> list[NDArray[Any]]:
    """What an optimizer remembers of a layer's weights."""
    own = {id(weight) for weight in layer.trainable_weights}
    return [
        keras.ops.convert_to_numpy(memory)
        for memory, weight in zip(remembered, optimizer._trainable_variables, strict=True)
        if id(weight) in own
    ]


def _norm(parts: Sequence[NDArray[Any]], power: float = 1.0) -> float:
    """Of all numbers together, each to this power first."""
    return float(np.sqrt(sum(np.square(part.astype(np.float64) ** power).sum() for part in parts)))
