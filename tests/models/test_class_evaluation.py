import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kerasearch.models.class_evaluation import (
    calibration,
    class_errors,
    confusion_matrix,
    judge_classes,
    judge_steps,
    roc_auc,
    roc_curve,
)
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Examples, Scaling

ONE = Scaling(np.zeros(1, np.float32), np.ones(1, np.float32))


def test_confusion_counts_true_classes_in_rows() -> None:
    counts = confusion_matrix(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0]), 4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classes_is_refused(label: int) -> None:
    inside, outside = np.array([0, 2]), np.array([0, label])
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\)"):
        confusion_matrix(outside, inside, 3)
    with pytest.raises(ValueError, match=r"predicted must lie in \[0, 3\)"):
        confusion_matrix(inside, outside, 3)


def test_a_class_error_is_the_share_mistaken_and_0_for_a_class_without_rows() -> None:
    errors = class_errors(np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]]))
    assert errors.tolist() == [0.25, 0.0, 0.5]


def test_the_auc_is_the_chance_to_rank_right_with_ties_half() -> None:
    rng = np.random.default_rng(0)
    positive, scores = rng.random(300) < 0.3, rng.integers(0, 9, 300) / 9
    assert roc_auc(positive, scores) == pytest.approx(roc_auc_score(positive, scores))
    assert roc_auc(np.ones(3, bool), scores[:3]) is None


def test_the_area_below_the_roc_curve_is_the_auc() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(80) < 0.5
    scores = positive * 0.3 + rng.random(80)
    curve = roc_curve(positive, scores)
    x, y = curve["false_positive_rate"], curve["true_positive_rate"]
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(roc_auc(positive, scores))


def test_a_long_roc_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(1)
    curve = roc_curve(rng.random(5000) < 0.5, rng.random(5000))
    assert len(curve["true_positive_rate"]) == 101
    assert curve["true_positive_rate"][-1] == 1


def test_calibration_compares_what_was_said_with_what_came() -> None:
    table = calibration(np.array([True, False, True, True]), np.array([0.02, 0.04, 0.9, 1.0]))
    assert table["predicted"] == pytest.approx([0.03, 0.95])
    assert table["observed"] == [0.5, 1.0]
    assert table["rows"] == [2, 2]


def test_of_two_classes_the_second_is_the_positive_one() -> None:
    outputs = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]], np.float32)
    examples = Examples(np.zeros((4, 1), np.float32), np.array([0, 0, 1, 1]))
    judged = judge_classes(outputs, examples, DataShape((1,), 2, ONE, class_names=("no", "yes")))
    metrics = judged.metrics
    assert (metrics["accuracy"], metrics["precision"], metrics["recall"]) == (0.5, 0.5, 0.5)
    assert metrics["auc"] == 0.75
    assert metrics["mae"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.7) / 4)
    assert set(judged.tables) == {"confusion_matrix", "roc", "calibration"}
    assert judged.tables["roc"]["positive"] == "yes"
    assert judged.tables["confusion_matrix"]["classes"] == ["no", "yes"]


def test_steps_without_a_label_do_not_count() -> None:
    outputs = np.full((2, 3, 2), 0.5, np.float32)
    outputs[:, :, 0] = 0.6
    y = np.array([[0, 0, 1], [0, -1, -1]])
    judged = judge_steps(
        outputs, Examples(np.zeros((2, 3, 1), np.float32), y), DataShape((3, 1), 2, ONE)
    )
    assert judged.n == 4
    assert judged.metrics["accuracy"] == 0.75
    assert judged.tables["confusion_matrix"]["counts"] == [[3, 0], [1, 0]]
