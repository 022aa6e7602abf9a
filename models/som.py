"""Self-organizing maps: a grid of cells, each a typical row, like ones near each other."""

from collections.abc import Collection
from typing import Any

import keras
import numpy as np
from keras_tuner import HyperParameters

from kerasearch.models.criteria import Criterion
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.family import ModelFamily, whole
from kerasearch.models.som_cells import CellMap

MAP = "map"
"""The layer that holds the cells."""

STARTING_ROWS = 1024
"""The plane that the cells start on is laid through as many rows."""


class SOM(ModelFamily):
    """Rows are mapped to the cell that is most like them.

        (n, ...) -> scaled, flattened -> (n, 4): row and column of the winning cell, its distance,
            and 1 where the second best cell isn't beside it, else 0

    Distances are Euclidean, of scaled features. See `som_cells` for how they learn.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        cells = CellMap(
            whole(hp, "rows"),
            whole(hp, "columns"),
            sigma=hp["sigma"],
            sigma_decay=hp["sigma_decay"],
            rate=hp["rate"],
            rate_decay=hp["rate_decay"],
            name=MAP,
        )
        return CompetitiveModel(inputs, cells(keras.layers.Flatten(name="visible")(x)))

    def criterion(self, hp: HyperParameters, asked: Collection[str]) -> Criterion:
        metrics = (
            OutputMean(2, name="quantization_error"),
            OutputMean(3, name="topographic_error"),
        )
        loss = Distortion()
        return Criterion(loss, metrics, loss, metrics)

    def prepare(self, model: keras.Model, hp: HyperParameters, x_train: Features) -> None:
        """Lay the cells onto the plane in which the rows vary most."""
        cells = model.get_layer(MAP)
        chosen = np.linspace(0, len(x_train) - 1, min(STARTING_ROWS, len(x_train)))
        seen = keras.Model(model.input, model.get_layer("visible").output)
        rows = seen.predict_on_batch(x_train[chosen.astype(np.int64)])
        cells.start(rows, epoch_rows=len(x_train))


@keras.saving.register_keras_serializable("kerasearch")
class CompetitiveModel(keras.Model):  # type: ignore[misc]  # keras ships no types
    """A model whose layers learn while they are called in training, without gradients."""

    def train_step(self, data: Any) -> dict[str, Any]:  # Any: tensors
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=True)
        loss = self.compute_loss(x, y, outputs)
        self._loss_tracker.update_state(loss, sample_weight=keras.ops.shape(x)[0])
        metrics: dict[str, Any] = self.compute_metrics(x, y, outputs)
        return metrics


@keras.saving.register_keras_serializable("kerasearch")
class Distortion(keras.losses.Loss):  # type: ignore[misc]
    """Mean squared distance to the winning cell; the target doesn't matter."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.square(y_pred[:, 2])


@keras.saving.register_keras_serializable("kerasearch")
class OutputMean(keras.metrics.Mean):  # type: ignore[misc]
    """Mean of one of a model's outputs, the one at `place`; the target doesn't matter."""

    def __init__(self, place: int, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.place = place

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_pred[:, self.place], sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "place": self.place}
