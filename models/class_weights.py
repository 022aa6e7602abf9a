"""What a training row counts in the loss by its class, where some classes are rare."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.plan import ClassWeight


def class_weights(
    asked: ClassWeight, labels: NDArray[Any], names: Sequence[str]
) -> NDArray[np.float32]:
    """The weight of each class, shape (classes,).

    Args:
        asked: `balanced`: as scikit-learn counts, `rows / (classes * rows of the class)`, so that
            all classes count alike and a row 1 in the mean. Or weights by the classes' names; of
            those not named 1.
        labels: Of the training rows, whole numbers: indices into `names`.
        names: Of the classes.
    """
    if asked == "balanced":
        rows = np.maximum(np.bincount(labels, minlength=len(names)), 1)
        return (len(labels) / (len(names) * rows)).astype(np.float32)
    return np.array([asked.get(name, 1.0) for name in names], np.float32)
