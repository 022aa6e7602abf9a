"""How well a model tells classes apart."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.arrays import Labels
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.datasets.padding import NO_LABEL
from kerasearch.models.evaluation import Evaluation, Table

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]
Probabilities = NDArray[np.float32]

CURVE_POINTS = 101
BINS = 10


def judge_classes(outputs: Probabilities, examples: Examples, data: DataShape) -> Evaluation:
    """Judge class probabilities `(n, classes)`.

    The loss is the mean negative log likelihood of the true class, in nats. Precision, recall and
    AUC are of the second class where there are two, else the mean over classes that occur.
    """
    y = examples.y.astype(np.int64, copy=False)
    names = data.class_names or tuple(map(str, range(data.classes)))
    confusion = confusion_matrix(y, np.argmax(outputs, axis=1), data.classes)
    # Single precision ends there, as it does for Keras, whose loss takes the softmax's logits.
    likelihoods = np.maximum(outputs[np.arange(len(y)), y], np.finfo(np.float32).tiny)
    binary = data.classes == 2
    judged = [1] if binary else [c for c in range(data.classes) if confusion[c].any()]
    scores = outputs.astype(np.float64)
    metrics = {
        "loss": float(-np.mean(np.log(likelihoods.astype(np.float64)))),
        "accuracy": float(np.trace(confusion) / len(y)),
        "precision": _mean(confusion[c, c] / max(confusion[:, c].sum(), 1) for c in judged),
        "recall": _mean(confusion[c, c] / max(confusion[c].sum(), 1) for c in judged),
        "mae": _mean(np.abs(scores[:, c] - (y == c)).mean() for c in judged),
    }
    areas = [area for c in judged if (area := roc_auc(y == c, scores[:, c])) is not None]
    tables = {"confusion_matrix": {"classes": list(names), "counts": confusion.tolist()}}
    if areas:
        metrics["auc"] = _mean(areas)
        if binary:
            tables["roc"] = {"positive": names[1], **roc_curve(y == 1, scores[:, 1])}
    if binary:
        tables["calibration"] = {"positive": names[1], **calibration(y == 1, scores[:, 1])}
    return Evaluation(len(y), metrics, tables)


def judge_steps(outputs: Probabilities, examples: Examples, data: DataShape) -> Evaluation:
    """Judge class probabilities `(n, steps, classes)`; a step is what an example is elsewhere."""
    real = examples.y != NO_LABEL
    steps = Examples(examples.x, examples.y[real])
    judged = judge_classes(outputs[real], steps, data)
    judged.metrics["perplexity"] = math.exp(judged.metrics["loss"])  # 2 ** bits is e ** nats
    return judged


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


def roc_auc(positive: NDArray[np.bool_], scores: Rates) -> float | None:
    """Chance that a positive example scores above a negative one, ties half; None without both.

    Mann & Whitney's U over its largest value, from mean ranks.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    return float(
        (ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    )


def roc_curve(positive: NDArray[np.bool_], scores: Rates) -> Table:
    """Rates of false and true positives from the highest threshold to the lowest."""
    order = np.argsort(-scores, kind="stable")
    is_last = np.append(np.diff(scores[order]) != 0, True)  # of its threshold
    hits = np.cumsum(positive[order])[is_last]
    false = np.cumsum(~positive[order])[is_last]
    x = np.concatenate([[0.0], false / false[-1]])
    y = np.concatenate([[0.0], hits / hits[-1]])
    if len(x) > CURVE_POINTS:
        kept = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).round().astype(int))
        x, y = x[kept], y[kept]
    return {"false_positive_rate": x.tolist(), "true_positive_rate": y.tolist()}


def calibration(positive: NDArray[np.bool_], scores: Rates) -> Table:
    """What is predicted and what comes true, by tenths of the predicted probability."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    found = rows > 0
    predicted = np.bincount(bins, scores, BINS)[found] / rows[found]
    observed = np.bincount(bins, positive, BINS)[found] / rows[found]
    return {
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "rows": rows[found].tolist(),
    }


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
