"""The arrays that datasets are made of."""

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Targets = NDArray[np.int64] | NDArray[np.float32]
Rows = NDArray[np.int64]
"""Rows of a dataset, by number."""
