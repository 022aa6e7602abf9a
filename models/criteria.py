"""What a training minimizes and what it reports each epoch, by task."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import keras

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.padding import NO_LABEL
from kerasearch.models.rating_criteria import KnownError, KnownMeanError, KnownRootMeanSquare
from kerasearch.models.tasks import TASKS

PACKAGE = "kerasearch"  # Keras finds what is registered in it, once this module is imported
SPARSE_CROSSENTROPY = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Criterion:
    """How a model is compiled. Any: keras ships no types.

    Attributes:
        loss: As `compile` takes it.
        metrics: Named as in `DIRECTIONS`.
        saved_loss: What its file names instead, so that plain Keras can load it: its own alone.
        saved_metrics: The same of metrics.
    """

    loss: Any
    metrics: tuple[Any, ...]
    saved_loss: Any
    saved_metrics: tuple[Any, ...]

    @property
    def is_foreign(self) -> bool:
        """Whether the file names anything else than what the model is trained by."""
        return (self.loss, self.metrics) != (self.saved_loss, self.saved_metrics)


def criterion_of(data: DataShape, asked: Collection[str]) -> Criterion:
    """How models of a task are trained.

    Args:
        data: Of which task, classes and the target's scaling count.
        asked: Metrics that the search looks at, with or without `val_`.
    """
    asked = {name.removeprefix("val_") for name in asked}
    names = [name for name in METRICS if name in {*TASKS[data.task].watched, *asked}]
    metrics = tuple(METRICS[name](data) for name in names)
    match data.task:
        case "classification":
            plain = [name for name in names if name == "accuracy"]
            return Criterion(SPARSE_CROSSENTROPY, metrics, SPARSE_CROSSENTROPY, tuple(plain))
        case "step_labelling":
            loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=NO_LABEL)
            # Keras's own counts padding as steps, where no mask reaches the output.
            return Criterion(loss, metrics, loss, () if data.padded else ("accuracy",))
        case "rating_prediction":
            loss = KnownError(_units(data)[0])
            known = tuple(KNOWN_METRICS[name](name=name) for name in names)
            return Criterion(loss, known, loss, known)  # its models need more than Keras anyway
        case _:
            plain = [name for name in names if name == "mae"]  # by this name Keras has its own
            return Criterion(ScaledError(_units(data)), metrics, "mean_squared_error", tuple(plain))


def _units(data: DataShape) -> list[float]:
    scaling = data.target_scaling
    return [1.0] if scaling is None else [float(unit) for unit in scaling.scale]


@keras.saving.register_keras_serializable(PACKAGE)
class ScaledError(keras.losses.Loss):  # type: ignore[misc]  # keras ships no types
    """Mean squared error in units of the target's deviation, so that no unit suits badly.

    A model that always says the mean comes to 1, whatever is measured.

    Args:
        units: One for each number of the target's last axis, or one for all.
    """

    def __init__(self, units: list[float], name: str = "scaled_error", **config: Any) -> None:
        super().__init__(name=name, **config)
        self.units = units

    def call(self, y_true: Any, y_pred: Any) -> Any:
        errors = (y_pred - _like(y_true, y_pred)) / keras.ops.convert_to_tensor(self.units)
        return keras.ops.mean(keras.ops.square(errors), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def _like(y_true: Any, y_pred: Any) -> Any:
    """Targets in the shape of what is predicted, which has an axis more for a single number."""
    y_true = keras.ops.cast(y_true, y_pred.dtype)
    return keras.ops.reshape(y_true, keras.ops.shape(y_pred))


@keras.saving.register_keras_serializable(PACKAGE)
class StepAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """Share of steps whose likeliest class is the true one; `NO_LABEL` doesn't count."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        labels = keras.ops.cast(y_true, "int64")
        hits = keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), "int64") == labels
        super().update_state(hits, keras.ops.cast(labels != NO_LABEL, self.dtype))


@keras.saving.register_keras_serializable(PACKAGE)
class Perplexity(keras.metrics.Mean):  # type: ignore[misc]
    """2 to the mean cross-entropy in bits of a step's true class; `NO_LABEL` doesn't count."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        labels = keras.ops.cast(y_true, "int32")
        counted = labels != NO_LABEL
        nats = keras.losses.sparse_categorical_crossentropy(
            keras.ops.where(counted, labels, 0), y_pred
        )
        super().update_state(nats, keras.ops.cast(counted, self.dtype))

    def result(self) -> Any:
        return keras.ops.exp(super().result())


class _OfPositive:
    """A metric of Keras's over the probability of the second of two classes."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, y_pred[:, 1], sample_weight)  # type: ignore[misc]


@keras.saving.register_keras_serializable(PACKAGE)
class BinaryAUC(_OfPositive, keras.metrics.AUC):  # type: ignore[misc]
    """Area under the ROC curve, by 200 thresholds."""


@keras.saving.register_keras_serializable(PACKAGE)
class BinaryPrecision(_OfPositive, keras.metrics.Precision):  # type: ignore[misc]
    """Of those taken for the second class, the share that is of it."""


@keras.saving.register_keras_serializable(PACKAGE)
class BinaryRecall(_OfPositive, keras.metrics.Recall):  # type: ignore[misc]
    """Of the second class, the share that is taken for it."""


@keras.saving.register_keras_serializable(PACKAGE)
class MeanError(keras.metrics.Mean):  # type: ignore[misc]
    """Mean absolute error: of numbers in real units, or of the second class's probability."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if y_pred.shape[-1] == 2 and len(y_true.shape) == 1:
            y_pred = y_pred[:, 1:]
        super().update_state(keras.ops.abs(y_pred - _like(y_true, y_pred)))


@keras.saving.register_keras_serializable(PACKAGE)
class RootMeanSquare(keras.metrics.RootMeanSquaredError):  # type: ignore[misc]
    """Root of the mean squared error, in real units."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(_like(y_true, y_pred), y_pred, sample_weight)


@keras.saving.register_keras_serializable(PACKAGE)
class R2(keras.metrics.R2Score):  # type: ignore[misc]
    """Share of the variance that is explained; of several numbers the mean of theirs."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        flat = keras.ops.reshape(y_pred, (-1, y_pred.shape[-1]))
        super().update_state(keras.ops.reshape(_like(y_true, y_pred), keras.ops.shape(flat)), flat)


def _accuracy(data: DataShape) -> Any:
    return "accuracy" if data.task == "classification" else StepAccuracy(name="accuracy")


METRICS: dict[str, Callable[[DataShape], Any]] = {
    "accuracy": _accuracy,
    "auc": lambda _: BinaryAUC(name="auc"),
    "precision": lambda _: BinaryPrecision(name="precision"),
    "recall": lambda _: BinaryRecall(name="recall"),
    "perplexity": lambda _: Perplexity(name="perplexity"),
    "mae": lambda _: MeanError(name="mae"),
    "rmse": lambda _: RootMeanSquare(name="rmse"),
    "r2": lambda _: R2(name="r2"),
}
"""Metrics that can be reported each epoch."""

KNOWN_METRICS = {"mae": KnownMeanError, "rmse": KnownRootMeanSquare}
"""The same of ratings, of which only those count that are known."""
