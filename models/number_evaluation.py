"""How well a model tells numbers."""

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.class_evaluation import roc_auc, roc_curve
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.evaluation import Evaluation, Table

SHOWN_ROWS = 500
BINS = 30

Numbers = NDArray[np.float64]


def judge_numbers(outputs: NDArray[np.float32], examples: Examples, data: DataShape) -> Evaluation:
    """Judge numbers in real units, `(n, *target_shape)`, `(n, 1)` for one.

    The loss is the mean squared error in units of the target's deviation on the training rows; the
    other metrics are in real units. R2 is the mean over the target's numbers of the share of the
    variance that is explained, and isn't there where none varies.
    """
    predicted = outputs.astype(np.float64).reshape(len(outputs), -1)
    actual = examples.y.astype(np.float64).reshape(len(outputs), -1)
    errors = predicted - actual
    metrics = _errors(errors, np.ones_like(errors, bool), data)
    variance = np.square(actual - actual.mean(axis=0)).mean(axis=0)
    if (varies := variance > 0).any():
        unexplained = np.square(errors).mean(axis=0)[varies] / variance[varies]
        metrics["r2"] = float(np.mean(1 - unexplained))
    tables = {"predictions": sample(actual, predicted), "residuals": histogram(errors)}
    return Evaluation(len(outputs), metrics, tables)


def judge_reconstructions(
    outputs: NDArray[np.float32], examples: Examples, data: DataShape
) -> Evaluation:
    """Judge rows that should be the examples again, in real units; padding doesn't count.

    Where labels are known, `auc` says how well a row's error tells other classes from the most
    frequent one, which is taken as normal: classes are in the order of their names.
    """
    predicted = outputs.astype(np.float64).reshape(len(outputs), -1)
    actual = examples.x.astype(np.float64).reshape(len(outputs), -1)
    real = actual != PADDING
    errors = np.where(real, predicted - actual, 0.0)
    scores = np.square(errors / _units(data, actual)).sum(axis=1) / np.maximum(real.sum(axis=1), 1)
    metrics = _errors(errors, real, data)
    tables = {"residuals": histogram(errors[real]), "row_errors": histogram(scores)}
    labels = examples.labels
    anomalous = None if labels is None else labels != np.bincount(labels).argmax()
    if anomalous is not None and (area := roc_auc(anomalous, scores)) is not None:
        metrics["auc"] = area
        tables["roc"] = {"positive": "anomaly", **roc_curve(anomalous, scores)}
    return Evaluation(len(outputs), metrics, tables)


def _units(data: DataShape, numbers: Numbers) -> Numbers:
    """Units of the target's last axis, for each of an example's numbers."""
    scaling = data.target_scaling
    if scaling is None:
        return np.ones(numbers.shape[1])
    scale = scaling.scale.astype(np.float64)
    return np.tile(scale, numbers.shape[1] // len(scale))


def _errors(errors: Numbers, counted: NDArray[np.bool_], data: DataShape) -> dict[str, float]:
    scaled, real = (errors / _units(data, errors))[counted], errors[counted]
    return {
        "loss": float(np.mean(np.square(scaled))),
        "mae": float(np.mean(np.abs(real))),
        "rmse": float(np.sqrt(np.mean(np.square(real)))),
    }


def sample(actual: Numbers, predicted: Numbers) -> Table:
    """Pairs of rows that are spread evenly, at most `SHOWN_ROWS`."""
    rows = np.unique(np.linspace(0, len(actual) - 1, SHOWN_ROWS).round().astype(int))
    return {"actual": actual[rows].tolist(), "predicted": predicted[rows].tolist()}


def histogram(values: Numbers) -> Table:
    counts, edges = np.histogram(values, BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
