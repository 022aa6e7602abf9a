"""Random walks of different lengths that drift up, down or not at all."""

import numpy as np

from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.padding import PADDING

CLASSES = ("down", "level", "up")
LONGEST, SHORTEST = 40, 8
DRIFT = 0.5  # of a step, in its standard deviations


def drifting_walks(count: int = 1500, seed: int = 0) -> Dataset:
    """Walks from a random start; where one ends early nothing follows."""
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    y = rng.randint(0, len(CLASSES), count)
    lengths = rng.randint(SHORTEST, LONGEST + 1, count)
    steps = rng.normal((y - 1)[:, np.newaxis] * DRIFT, 1.0, (count, LONGEST))
    walks = rng.normal(0, 10, (count, 1)) + np.cumsum(steps, axis=1)
    walks[np.arange(LONGEST) >= lengths[:, np.newaxis]] = PADDING
    return Dataset(
        kind="sequence",
        x=walks.astype(np.float32)[..., np.newaxis],
        y=y.astype(np.int64),
        classes=CLASSES,
        features=tuple(f"step_{step}" for step in range(LONGEST)),
    )
