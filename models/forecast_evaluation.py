"""How well a model forecasts a series, beside the forecast that costs nothing."""

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.evaluation import Evaluation, Table
from kerasearch.models.number_evaluation import Numbers, judge_numbers

SHOWN_STEPS = 500


def judge_forecasts(
    outputs: NDArray[np.float32], examples: Examples, data: DataShape
) -> Evaluation:
    """Judge forecasts in real units, `(n, horizon)`, as other numbers are, and as a series.

    The naive forecast says that everything stays as it is: the last value of the window.
    """
    judged = judge_numbers(outputs, examples, data)
    order = np.arange(len(outputs))
    if data.streams is not None:
        order = order.reshape(-1, data.streams).T.ravel()
    actual = examples.y.astype(np.float64)[order]
    naive = np.broadcast_to(examples.x[order, -1, :1], actual.shape).astype(np.float64)
    judged.tables["forecast"] = _table(actual, outputs.astype(np.float64)[order], naive)
    return judged


def _table(actual: Numbers, forecast: Numbers, naive: Numbers) -> Table:
    """The first step ahead of the last windows in their order, and errors by steps ahead."""
    shown = slice(-SHOWN_STEPS, None)
    return {
        "actual": actual[shown, 0].tolist(),
        "forecast": forecast[shown, 0].tolist(),
        "naive": naive[shown, 0].tolist(),
        "rmse": _rmse(forecast - actual).tolist(),
        "naive_rmse": _rmse(naive - actual).tolist(),
    }


def _rmse(errors: Numbers) -> Numbers:
    return np.asarray(np.sqrt(np.square(errors).mean(axis=0)))
