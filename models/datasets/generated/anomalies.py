"""Anomalies in a table: rows near a curved surface, and a few that are like none of them."""

import numpy as np

from kerasearch.models.datasets.dataset import Dataset

FEATURES, HIDDEN = 10, 3
CLASSES = ("normal", "anomaly")


def measure(rows: int = 2_000, anomalies: float = 0.05, seed: int = 1969) -> Dataset:
    """X of `(rows, 10)`; each feature alone is the same in normal rows and in anomalies."""
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    y = rng.permutation((np.arange(rows) < anomalies * rows).astype(np.int64))
    hidden = rng.standard_normal((rows, HIDDEN))
    straight, bent = rng.standard_normal((2, HIDDEN, FEATURES))
    x = np.tanh(hidden @ straight) + 0.5 * np.sin(hidden @ bent)
    x += 0.1 * rng.standard_normal(x.shape)
    odd = np.flatnonzero(y)
    for feature in range(FEATURES):
        # What other rows have, each feature from another one: no surface holds that together.
        x[odd, feature] = x[rng.randint(rows, size=len(odd)), feature]
    names = tuple(f"sensor_{feature}" for feature in range(FEATURES))
    return Dataset("tabular", x.astype(np.float32), y, CLASSES, names)
