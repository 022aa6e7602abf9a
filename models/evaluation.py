"""How well a model does on rows it wasn't trained on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.streams import batch_rows, reset_states
from kerasearch.models.tasks import TaskName

if TYPE_CHECKING:
    import keras

Table = dict[str, Any]
"""JSON; Any: each table has its own fields."""

PREDICTION_BATCH = 256
"""Rows a step without gradients. Training validates in the same, so that both round alike."""


@dataclass(frozen=True)
class Evaluation:
    """How a model did on `n` examples.

    Attributes:
        metrics: By names of `DIRECTIONS`, `loss` and the task's headline among them.
        tables: What lies behind them, by name; `pictures.DRAWINGS` draws them.
    """

    n: int
    metrics: dict[str, float]
    tables: dict[str, Table] = field(default_factory=dict)


JUDGES: dict[TaskName, str] = {
    "classification": "kerasearch.models.class_evaluation:judge_classes",
    "step_labelling": "kerasearch.models.class_evaluation:judge_steps",
    "regression": "kerasearch.models.number_evaluation:judge_numbers",
    "forecasting": "kerasearch.models.forecast_evaluation:judge_forecasts",
    "reconstruction": "kerasearch.models.number_evaluation:judge_reconstructions",
}
"""Task to what judges a model's outputs: `judge(outputs, examples, data) -> Evaluation`."""

MODEL_JUDGES: dict[TaskName, str] = {
    "rating_prediction": "kerasearch.models.rating_evaluation:judge_ratings",
    "mapping": "kerasearch.models.map_evaluation:judge_map",
}
"""The same where outputs are too many to be held together, or don't say all that the model knows:
`judge(model, examples, data) -> Evaluation`."""


def evaluate(model: "keras.Model", examples: Examples, data: DataShape) -> Evaluation:
    """Judge a model by what it gives for raw rows.

    Args:
        model: Of a family made for `data`.
        examples: At least one.
        data: What the model was built for.

    Raises:
        InfeasibleError: It gives what is no finite number.
    """
    of_model = data.task in MODEL_JUDGES
    module, _, name = (MODEL_JUDGES if of_model else JUDGES)[data.task].partition(":")
    judged = model if of_model else np.concatenate(list(finite_batches(model, examples.x)))
    evaluation: Evaluation = getattr(import_module(module), name)(judged, examples, data)
    return evaluation


def finite_batches(model: "keras.Model", x: Features) -> Iterator[NDArray[np.float32]]:
    """As `predicted_batches`; raises InfeasibleError for what can't be judged."""
    for outputs in predicted_batches(model, x):
        if not np.isfinite(outputs).all():
            raise InfeasibleError(
                "the model gave a number that isn't finite: its weights are too large, or a row is "
                "too far from those that it was trained on"
            )
        yield outputs


def predict(model: "keras.Model", x: Features) -> NDArray[np.float32]:
    """A model's outputs for rows, made batch by batch."""
    return np.concatenate(list(predicted_batches(model, x)))


def predicted_batches(model: "keras.Model", x: Features) -> Iterator[NDArray[np.float32]]:
    """A model's outputs for rows, one batch after the other."""
    # Keras's `predict` would trace a pipeline for the rows and, of a model trained by `fit`, all
    # of its batches unrolled.
    rows = PREDICTION_BATCH
    if (fixed := batch_rows(model)) is not None:
        reset_states(model)
        rows = fixed
    for start in range(0, len(x), rows):
        yield model.predict_on_batch(x[start : start + rows])
