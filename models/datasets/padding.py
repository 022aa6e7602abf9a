"""Sequences of different lengths in one array: what stands where a shorter one has ended."""

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.labels import LARGEST

PADDING = float(np.finfo(np.float32).min)
"""A step of it is none. Beyond `LARGEST`, so that no value that was sent is taken for it."""

NO_LABEL = -1
"""Of a step that is none."""

assert -PADDING > LARGEST  # noqa: S101 - what both constants are there for


def has_padding(x: NDArray[np.float32]) -> bool:
    """Whether any example of `(n, steps, channels)` ends early."""
    return x.ndim == 3 and bool((x[:, -1, 0] == PADDING).any())


def real_steps(x: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which steps of `(n, steps, channels)` there are, shape `(n, steps)`."""
    return np.asarray(x[:, :, 0] != PADDING)
