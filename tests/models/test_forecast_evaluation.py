from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Scaling
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.forecast_evaluation import judge_forecasts
from kerasearch.models.pictures import draw_table

UNIT = Scaling(np.zeros(1, np.float32), np.ones(1, np.float32))
# Windows end in 0, 1, 2, 3 in the forecast channel; each value is followed by the next two.
X = np.array([[[8, 9], [t, 9]] for t in range(4)], np.float32)
Y = np.array([[t + 1, t + 2] for t in range(4)], np.float32)


def shape(streams: int | None = None) -> DataShape:
    return DataShape((2, 2), 0, UNIT, "forecasting", (2,), UNIT, streams=streams)


def test_a_forecast_is_shown_beside_the_last_value_of_its_window() -> None:
    judged = judge_forecasts(Y + np.float32([[0.5, 0]]), Examples(X, Y), shape())
    assert judged.metrics["rmse"] == pytest.approx(np.sqrt(0.125))
    assert judged.tables["forecast"] == {
        "actual": [1, 2, 3, 4],
        "forecast": [1.5, 2.5, 3.5, 4.5],
        "naive": [0, 1, 2, 3],
        "rmse": [0.5, 0],
        "naive_rmse": [1, 2],
    }


def test_windows_in_streams_are_shown_in_the_order_of_time() -> None:
    in_streams = [0, 2, 1, 3]  # of two streams: the first window of each, then the second
    examples = Examples(X[in_streams], Y[in_streams])
    judged = judge_forecasts(Y[in_streams], examples, shape(streams=2))
    assert judged.tables["forecast"]["actual"] == [1, 2, 3, 4]
    assert judged.tables["forecast"]["naive"] == [0, 1, 2, 3]


@pytest.mark.parametrize("ahead", [1, 2])
def test_forecasts_are_drawn(ahead: int, tmp_path: Path) -> None:
    judged = judge_forecasts(Y[:, :ahead], Examples(X, Y[:, :ahead]), shape())
    draw_table("forecast", judged.tables["forecast"], tmp_path / "forecast.png")
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")
