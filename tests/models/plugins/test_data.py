from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kerasearch.models.datasets import DatasetInfo
from kerasearch.models.plugins.data import make_data

X, Y = np.arange(24.0).reshape(12, 2), np.arange(12) % 3


def made(returned: object, path: Path) -> DatasetInfo:
    module = ModuleType("plugin")
    module.data = lambda: returned  # type: ignore[attr-defined]
    return make_data(module, path / "data.npz")


@pytest.mark.parametrize(
    "returned",
    [
        (X, Y),
        [X.tolist(), Y.tolist()],
        (X[:8], Y[:8], X[8:], Y[8:]),
        ((X[:8], Y[:8]), (X[8:], Y[8:])),
        (X[:6], Y[:6], X[6:8], Y[6:8], X[8:], Y[8:]),
        (X, Y[:, None]),
        (X, np.eye(3)[Y]),
    ],
)
def test_all_rows_that_data_returns_are_one_dataset(returned: object, tmp_path: Path) -> None:
    info = made(returned, tmp_path)
    assert info.class_counts == {"0": 4, "1": 4, "2": 4}
    kept = np.load(tmp_path / "data.npz")
    np.testing.assert_array_equal(kept["x"], X)
    np.testing.assert_array_equal(kept["y"], Y)


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (X, "must return x, y or x_train"),
        ((X, Y, 3), "not 3 values"),
        ((X, Y, X[:, :1], Y), "every x of data.. must have the same columns"),
        ((X, Y[:9]), "as many rows"),
        ((np.full((12, 2), "a"), Y), "real numbers as x, not <U1"),
        ((X * np.nan, Y), "NaN"),
    ],
)
def test_what_cannot_become_a_dataset_says_why(
    returned: object, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=reason):
        made(returned, tmp_path)


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    made((X, Y), tmp_path)
    first = (tmp_path / "data.npz").read_bytes()
    made((X[:5], Y[:5], X[5:], Y[5:]), tmp_path)
    assert (tmp_path / "data.npz").read_bytes() == first
