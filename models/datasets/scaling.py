"""Scaling of features and targets, fitted on train alone and kept inside the model."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.info import Kind
from kerasearch.models.datasets.padding import has_padding, real_steps

ScalingMethod = Literal["minmax", "standard", "none"]


@dataclass(frozen=True)
class Scaling:
    """`scaled = (x - offset) / scale`.

    Attributes:
        offset: Shape `(last axis of x,)`: one number a tabular feature or a sequence's channel;
            shape `(1,)` for images.
        scale: Same shape, never zero.
    """

    offset: NDArray[np.float32]
    scale: NDArray[np.float32]


def fit_scaling(x_train: Features, how: ScalingMethod, kind: Kind) -> Scaling:
    """What brings `x_train` to [0, 1] (minmax) or to mean 0 and deviation 1 (standard).

    A constant feature is shifted to zero and no more; padding doesn't count.
    """
    if has_padding(x_train):
        x_train = x_train[real_steps(x_train)]
    axes = None if kind == "image" else tuple(range(x_train.ndim - 1))
    match how:
        case "minmax":
            offset = x_train.min(axis=axes)
            scale = x_train.max(axis=axes) - offset
        case "standard":
            offset = x_train.mean(axis=axes, dtype=np.float64)
            scale = _deviation(x_train, offset, axes)
        case "none":
            size = 1 if kind == "image" else x_train.shape[-1]
            return Scaling(np.zeros(size, np.float32), np.ones(size, np.float32))
    offset, scale = (np.atleast_1d(values).astype(np.float32) for values in (offset, scale))
    constant = scale <= np.finfo(np.float32).eps * np.abs(offset)  # rounding's work, if not 0
    return Scaling(offset, np.where(constant, np.float32(1), scale))


def fit_target_scaling(y_train: NDArray[np.float32]) -> Scaling:
    """What brings each number of a target's last axis to mean 0 and deviation 1."""
    numbers = y_train.shape[-1] if y_train.ndim > 1 else 1
    return fit_scaling(y_train.reshape(-1, numbers), "standard", "tabular")


def _deviation(
    x: Features, mean: NDArray[np.float64], axes: tuple[int, ...] | None
) -> NDArray[np.float64]:
    """Standard deviation in float64, without numpy's copy of all of `x` in float64."""
    total = np.zeros_like(mean)
    for rows in np.array_split(x, len(x) // 4096 + 1):
        total += np.square(rows - mean).sum(axis=axes)
    deviation: NDArray[np.float64] = np.sqrt(total * np.size(mean) / x.size)
    return deviation
