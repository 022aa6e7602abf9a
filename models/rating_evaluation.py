"""How well a model tells ratings that it wasn't given."""

import keras
import numpy as np

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.evaluation import Evaluation, finite_batches
from kerasearch.models.number_evaluation import histogram, sample


def judge_ratings(model: keras.Model, examples: Examples, data: DataShape) -> Evaluation:
    """Judge the ratings in `examples.y`; `n` is how many these are.

    The loss is the mean squared error in units of their deviation in the train part; the other
    metrics are in real units. Predictions come batch by batch: there may be one for each pair of
    a million users and items.
    """
    actual, predicted, done = [], [], 0
    for outputs in finite_batches(model, examples.x):
        asked = examples.y[done : done + len(outputs)]
        known = asked != PADDING
        actual.append(asked[known])
        predicted.append(outputs[known])
        done += len(outputs)
    told, true = (np.concatenate(parts).astype(np.float64) for parts in (predicted, actual))
    errors = told - true
    unit = 1.0 if data.target_scaling is None else float(data.target_scaling.scale[0])
    metrics = {
        "rmse": float(np.sqrt(np.mean(np.square(errors)))),
        "mae": float(np.mean(np.abs(errors))),
        "loss": float(np.mean(np.square(errors / unit))),
    }
    tables = {"predictions": sample(true, told), "residuals": histogram(errors)}
    return Evaluation(len(errors), metrics, tables)
