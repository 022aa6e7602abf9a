"""How well a model does on rows it wasn't trained on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.dataset import Features, Labels

if TYPE_CHECKING:
    import keras

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]

PREDICTION_BATCH = 256
"""Rows a step without gradients. Training validates in the same, so that both round alike."""


@dataclass(frozen=True)
class Evaluation:
    """A model's mistakes on `n` rows.

    Attributes:
        loss: Mean negative log likelihood of the true class, in nats.
        accuracy: Share of rows whose likeliest class is the true one.
        confusion: As `confusion_matrix` gives it.
        class_errors: As `class_errors` gives it.
    """

    loss: float
    accuracy: float
    confusion: Counts
    class_errors: Rates
    n: int


def evaluate(model: "keras.Model", x: Features, y: Labels, classes: int) -> Evaluation:
    """Judge a model by the probabilities that it gives to raw rows.

    Args:
        model: Gives class probabilities, shape `(n, classes)`.
        x: Shape `(n, ...)`, `n` at least 1.
        y: Integer classes, shape `(n,)`.
        classes: How many there are, whether or not all occur in `y`.
    """
    # `predict` would trace a pipeline for the rows and, of a model trained by `fit`, all of its
    # batches unrolled.
    starts = range(0, len(x), PREDICTION_BATCH)
    batches = [model.predict_on_batch(x[start : start + PREDICTION_BATCH]) for start in starts]
    probabilities = np.concatenate(batches)
    predicted = np.argmax(probabilities, axis=1)
    # Single precision ends there, as it does for Keras, whose loss takes the softmax's logits.
    likelihoods = np.maximum(probabilities[np.arange(len(y)), y], np.finfo(np.float32).tiny)
    confusion = confusion_matrix(y, predicted, classes)
    return Evaluation(
        loss=float(-np.mean(np.log(likelihoods.astype(np.float64)))),
        accuracy=float(np.trace(confusion) / len(y)),
        confusion=confusion,
        class_errors=class_errors(confusion),
        n=len(y),
    )


def confusion_matrix(labels: Labels, predicted: Labels, classes: int) -> Counts:
    """Counts of true class (rows) against predicted class (columns).

    Args:
        labels: Integer classes, shape `(n,)`, each in `[0, classes)`.
        predicted: Same shape and range as `labels`.
        classes: How many there are, whether or not all occur.

    Returns:
        Integers, shape `(classes, classes)`; row sums are the class sizes.

    Raises:
        ValueError: A label is outside `[0, classes)`.
    """
    for name, values in (("labels", labels), ("predicted", predicted)):
        if len(values) and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(
                f"{name} must lie in [0, {classes}), not in [{values.min()}, {values.max()}]"
            )
    cells = np.bincount(labels * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes).astype(np.int64)


def class_errors(confusion: Counts) -> Rates:
    """Share of each class's rows taken for another class: 1 - recall; 0 where a class has no rows.

    Args:
        confusion: As `confusion_matrix` gives it.

    Returns:
        Shape `(classes,)`, each in [0, 1].
    """
    sizes = confusion.sum(axis=1)
    wrong = sizes - np.diag(confusion)
    return np.asarray(wrong / np.maximum(sizes, 1), np.float64)
