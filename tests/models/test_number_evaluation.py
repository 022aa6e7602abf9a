import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Examples, Scaling
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.number_evaluation import judge_numbers, judge_reconstructions


def scaling(*units: float) -> Scaling:
    return Scaling(np.zeros(len(units), np.float32), np.array(units, np.float32))


def test_errors_are_in_real_units_and_the_loss_in_the_targets_deviations() -> None:
    y = np.array([10.0, 30.0, 50.0, 70.0], np.float32)
    outputs = y[:, None] + np.array([[10.0], [-10.0], [0.0], [20.0]], np.float32)
    data = DataShape((1,), 0, scaling(1), "regression", (), scaling(20))
    judged = judge_numbers(outputs, Examples(np.zeros((4, 1), np.float32), y), data)
    assert judged.metrics["mae"] == 10
    assert judged.metrics["rmse"] == pytest.approx(150**0.5)
    assert judged.metrics["loss"] == pytest.approx(150 / 400)
    assert judged.metrics["r2"] == pytest.approx(r2_score(y, outputs[:, 0]))
    assert sum(judged.tables["residuals"]["counts"]) == 4
    assert judged.tables["predictions"]["actual"] == [[10], [30], [50], [70]]


def test_of_several_numbers_each_has_its_unit_and_r2_is_their_mean() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(50, 2)).astype(np.float32) * [1, 1000]
    outputs = y + rng.normal(size=(50, 2)) * [0.1, 100]
    data = DataShape((1,), 0, scaling(1), "regression", (2,), scaling(1, 1000))
    judged = judge_numbers(outputs, Examples(np.zeros((50, 1), np.float32), y), data)
    assert judged.metrics["r2"] == pytest.approx(r2_score(y, outputs))
    errors = (outputs - y) / [1, 1000]
    assert judged.metrics["loss"] == pytest.approx(np.mean(errors**2))


def test_a_constant_target_has_no_r2() -> None:
    data = DataShape((1,), 0, scaling(1), "regression", (), scaling(1))
    y = np.ones(3, np.float32)
    judged = judge_numbers(y[:, None], Examples(np.zeros((3, 1), np.float32), y), data)
    assert "r2" not in judged.metrics
    assert judged.metrics["rmse"] == 0


def test_many_predictions_are_sampled_evenly() -> None:
    y = np.arange(5000, dtype=np.float32)
    data = DataShape((1,), 0, scaling(1), "regression", (), scaling(1))
    table = judge_numbers(y[:, None], Examples(y[:, None], y), data).tables["predictions"]
    assert (len(table["actual"]), table["actual"][0], table["actual"][-1]) == (500, [0], [4999])


@pytest.mark.parametrize("normal", [0, 1])
def test_rows_of_the_most_frequent_class_are_told_from_the_others(normal: int) -> None:
    x = np.zeros((6, 3, 1), np.float32)
    x[0, 2] = PADDING
    outputs = np.zeros_like(x)
    outputs[3:] = [[[1.0]], [[2.0]], [[0.5]]]
    anomalous = np.array([0, 0, 0, 1, 1, 0])
    labels = anomalous ^ normal  # an upload's are sorted: anomaly, normal
    data = DataShape((3, 1), 0, scaling(2), "reconstruction", (3, 1), scaling(2))
    judged = judge_reconstructions(outputs, Examples(x, x, labels), data)
    scores = [0, 0, 0, 1, 4, 0.25]
    assert judged.metrics["auc"] == roc_auc_score(anomalous, scores)
    assert judged.metrics["mae"] == pytest.approx(3 * 3.5 / 17)
    assert judged.metrics["loss"] == pytest.approx(3 * 5.25 / 17 / 4)
    assert "roc" in judged.tables
