"""What is minimized and reported of ratings: nothing counts but those that are known."""

from typing import Any, TypeAlias

import keras
from keras import ops

from kerasearch.models.datasets.padding import PADDING

Tensor: TypeAlias = Any  # keras ships no types


def known_of(ratings: Tensor) -> Tensor:
    """1 where there is a rating, else 0."""
    return ops.cast(ops.not_equal(ratings, PADDING), "float32")


def known_errors(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Predicted minus true, and 0 where nothing is known."""
    return ops.where(ops.equal(y_true, PADDING), 0.0, y_pred - y_true)


@keras.saving.register_keras_serializable("kerasearch")
class KnownError(keras.losses.Loss):  # type: ignore[misc]
    """Mean squared error of the ratings in a batch, in units of their deviation.

    Args:
        unit: One for all.
    """

    def __init__(self, unit: float, name: str = "known_error", **config: Any) -> None:
        super().__init__(name=name, **config)
        self.unit = unit

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        errors = ops.square(known_errors(y_true, y_pred) / self.unit)
        # Rows weigh by their ratings: Keras takes the mean over rows.
        ratings_a_row = ops.mean(ops.sum(known_of(y_true), axis=-1))
        return ops.sum(errors, axis=-1) / ops.maximum(ratings_a_row, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit": self.unit}


@keras.saving.register_keras_serializable("kerasearch")
class KnownRootMeanSquare(keras.metrics.Mean):  # type: ignore[misc]
    """Root of the mean squared error of known ratings, in real units."""

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        super().update_state(ops.square(known_errors(y_true, y_pred)), known_of(y_true))

    def result(self) -> Tensor:
        return ops.sqrt(super().result())


@keras.saving.register_keras_serializable("kerasearch")
class KnownMeanError(keras.metrics.Mean):  # type: ignore[misc]
    """Mean absolute error of known ratings, in real units."""

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        super().update_state(ops.abs(known_errors(y_true, y_pred)), known_of(y_true))
