"""The data that a plugin makes, as an NPZ file like those that people send."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasearch.models.datasets import DatasetInfo, Schema, inspect_file

FUNCTION = "data"


def make_data(module: ModuleType, path: Path) -> DatasetInfo:
    """Call the plugin's `data()` and write what it returns to `path`.

    It returns x and y, once or several times: train, validation, test. All rows are put together,
    since a job's own split divides them.

    Raises:
        ValueError: It returned something else, or what can't become a dataset (InvalidInput).
    """
    returned = getattr(module, FUNCTION)()
    if not isinstance(returned, tuple | list):
        returned = [returned]
    arrays = [array for item in returned for array in _flat(item)]
    if len(arrays) < 2 or len(arrays) % 2:
        raise ValueError(
            f"data() must return x, y or x_train, y_train, x_test, y_test, not {len(arrays)} values"
        )
    x = _joined("x", arrays[::2])
    y = _joined("y", [_labels(np.asarray(labels)) for labels in arrays[1::2]])
    if x.dtype.kind not in "biuf":
        raise ValueError(f"data() must return real numbers as x, not {x.dtype}")
    np.savez(path, x=x.astype(np.float32), y=y)
    return inspect_file(path, path.name, None, Schema())


def _flat(item: object) -> Sequence[ArrayLike]:
    """`(x_train, y_train), (x_test, y_test)` is as good as four arrays."""
    return item if isinstance(item, tuple) else [item]  # type: ignore[list-item]


def _joined(name: str, parts: Sequence[ArrayLike]) -> NDArray[np.generic]:
    arrays = [np.asarray(part) for part in parts]
    if any(array.ndim == 0 or array.shape[1:] != arrays[0].shape[1:] for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"every {name} of data() must have the same columns, not shapes {shapes}")
    return np.concatenate(arrays)


def _labels(y: NDArray[np.generic]) -> NDArray[np.generic]:
    """`(n, 1)` without its axis, and the number of the class where `y` is one-hot."""
    if y.ndim != 2:
        return y
    if y.shape[1] == 1:
        return y[:, 0]
    is_one_hot = y.dtype.kind in "biuf" and ((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all()
    return np.argmax(y, axis=1) if is_one_hot else y
