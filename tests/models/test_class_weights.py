import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from kerasearch.models.class_weights import class_weights

LABELS = np.array([0] * 6 + [1] * 3 + [2])


def test_balanced_is_what_scikit_learn_counts() -> None:
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    ours = class_weights("balanced", LABELS, ("a", "b", "c"))
    assert ours == pytest.approx(theirs)
    assert ours[LABELS].mean() == pytest.approx(1)


def test_a_class_without_rows_upsets_nothing() -> None:
    weights = class_weights("balanced", LABELS[LABELS != 2], ("a", "b", "c"))
    assert np.isfinite(weights).all()


def test_by_name_those_not_named_count_one() -> None:
    assert class_weights({"c": 4.0}, LABELS, ("a", "b", "c")).tolist() == [1, 1, 4]
