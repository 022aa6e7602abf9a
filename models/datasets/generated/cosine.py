"""A decaying cosine: what a recurrent network should carry on for ever."""

import numpy as np

from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.series import Series

AMPLITUDE, PERIOD, DECAY = 100.0, 25, 1e-4


def decaying_cosine(steps: int = 5_000) -> Features:
    """100 cos(2 pi t / 25) exp(-t / 10,000), shape `(steps, 1)`."""
    t = np.arange(steps, dtype=np.float64)
    # Computed over one period, so that no library's cosine of a large number matters.
    cosine = np.cos(2 * np.pi * (t % PERIOD) / PERIOD)
    return (AMPLITUDE * cosine * np.exp(-DECAY * t)).astype(np.float32)[:, None]


def cosine_series() -> Series:
    return Series("series", decaying_cosine(), None, features=("value",))
