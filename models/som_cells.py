"""The cells of a self-organizing map, as a layer that learns without gradients."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from kerasearch.models.datasets.arrays import Features

Tensor: TypeAlias = Any  # keras ships no types

CELL = ("row", "column", "distance", "apart")
"""What a map says of a row of features."""

NARROWEST = 0.2
"""Of sigma: from there on a winner's neighbours don't move with it (exp(-12.5))."""

BESIDE = 2.5
"""Above the squared distance of cells that touch at a corner, below that of any others."""

TINY = 1e-30
"""In place of a pull that is none."""


@keras.saving.register_keras_serializable("kerasearch")
class CellMap(keras.layers.Layer):  # type: ignore[misc]
    """A grid of cells that compete for rows of features.

        (n, features) -> (n, 4): row and column of the winning cell, the distance to it, and 1 where
            the second best cell isn't beside it, else 0

    In training the winner of each row and its neighbours move towards it, by

        h = exp(-d^2 / (2 sigma^2)),   d: distance on the grid from the winner

    Kohonen, Self-Organized Formation of Topologically Correct Feature Maps, 1982. All rows of a
    batch pull at once: with their winners held, `dw/dt = rate * sum(h (x - w))` leads within a time
    of 1 to `m + (w - m) exp(-rate * sum(h))`, m their mean weighted by h. With one row that is
    Kohonen's step, to first order in the rate; with all of them and a high rate it is his batch map
    (The Self-Organizing Map, 1990).

    Args:
        rows: Of the grid.
        columns: Of the grid.
        sigma: How far from a winner cells move with it, in cells, at first.
        sigma_decay: What is left of `sigma` an epoch later.
        rate: How fast a winner moves to its row, at first.
        rate_decay: What is left of `rate` an epoch later.
        **kwargs: Of `keras.layers.Layer`.

    Attributes:
        cells: What each cell is like, one row of the grid after the other,
            `(rows * columns, features)`.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        sigma: float,
        sigma_decay: float,
        rate: float,
        rate_decay: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if rows * columns < 2:
            raise ValueError("a map needs two cells at least")
        self.rows = rows
        self.columns = columns
        self.sigma = sigma
        self.sigma_decay = sigma_decay
        self.rate = rate
        self.rate_decay = rate_decay
        self.places = np.stack(np.divmod(np.arange(rows * columns), columns), axis=1)

    def build(self, input_shape: Sequence[int]) -> None:
        shape = (len(self.places), input_shape[-1])
        self.cells = self.add_weight(shape, "random_normal", trainable=False, name="cells")
        self.epochs = self.add_weight((), "zeros", trainable=False, name="epochs")
        self.epoch_rows = self.add_weight((), "ones", trainable=False, name="epoch_rows")

    def start(self, rows: Features, epoch_rows: int) -> None:
        """Lay the grid on the plane in which `rows` vary most, two deviations to each side.

        Args:
            rows: As the layer gets them.
            epoch_rows: How many an epoch has.
        """
        mean = rows.mean(axis=0)
        _, sizes, directions = np.linalg.svd(rows - mean, full_matrices=False)
        deviations = sizes[:2, np.newaxis] * directions[:2] / np.sqrt(len(rows))
        middle = self.places.max(axis=0) / 2
        steps = 2 * (self.places - middle) / np.maximum(middle, 0.5)  # 0: one cell wide
        self.cells.assign(mean + steps[:, : len(deviations)] @ deviations)
        self.epoch_rows.assign(epoch_rows)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        # Half of what the squared distances to cells differ in, which is enough to compare them.
        sizes = ops.sum(ops.square(self.cells), axis=-1)
        closeness = ops.matmul(x, ops.transpose(self.cells)) - sizes / 2
        _, best = ops.top_k(closeness, 2)
        winners = ops.take(ops.convert_to_tensor(self.places, x.dtype), best, axis=0)
        distance = ops.norm(x - ops.take(self.cells, best[:, 0], axis=0), axis=-1)
        gap = ops.sum(ops.square(winners[:, 0] - winners[:, 1]), axis=-1)
        apart = ops.cast(gap > BESIDE, x.dtype)
        if training:
            self._learn(x, best[:, 0])
        return ops.concatenate([winners[:, 0], ops.stack([distance, apart], axis=-1)], axis=-1)

    def _learn(self, x: Tensor, winners: Tensor) -> None:
        sigma = ops.maximum(self.sigma * self.sigma_decay**self.epochs, NARROWEST)
        rate = self.rate * self.rate_decay**self.epochs
        gaps = np.square(self.places[:, np.newaxis] - self.places).sum(axis=-1)
        pulls = ops.exp(-ops.convert_to_tensor(gaps, x.dtype) / (2 * ops.square(sigma)))
        pulls = ops.take(pulls, winners, axis=0)  # (n, cells)
        total = ops.sum(pulls, axis=0)[:, None]
        means = ops.matmul(ops.transpose(pulls), x) / ops.maximum(total, TINY)
        self.cells.assign_add((means - self.cells) * -ops.expm1(-rate * total))
        self.epochs.assign_add(ops.cast(ops.shape(x)[0], x.dtype) / self.epoch_rows)

    def get_config(self) -> dict[str, Any]:
        names = ("rows", "columns", "sigma", "sigma_decay", "rate", "rate_decay")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
