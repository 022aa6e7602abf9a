"""Drawn shapes: circles, squares, triangles and crosses, anywhere, of any size, in noise."""

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.dataset import Dataset

SIDE = 24
CLASSES = ("circle", "cross", "square", "triangle")


def draw(count: int = 1_600, seed: int = 1872) -> Dataset:
    """Grey images, x `(count, 24, 24, 1)`, 0 to 255; a shape's pixels are the brighter ones."""
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    y = rng.permutation(np.arange(count) % len(CLASSES))
    radius = rng.uniform(4, 8, count)
    room = SIDE / 2 - radius - 1
    # Coordinates about the shape's centre, shape (count, side, side).
    at = np.arange(SIDE) - (SIDE - 1) / 2
    down = at[None, :, None] - (rng.uniform(-1, 1, count) * room)[:, None, None]
    right = at[None, None, :] - (rng.uniform(-1, 1, count) * room)[:, None, None]
    inside = _inside(y, down, right, radius[:, None, None])
    light, dark = rng.uniform(140, 230, count), rng.uniform(20, 90, count)
    x = np.where(inside, light[:, None, None], dark[:, None, None])
    x += rng.normal(0, 20, x.shape)
    return Dataset("image", np.clip(np.round(x), 0, 255).astype(np.float32)[..., None], y, CLASSES)


def _inside(
    y: NDArray[np.int64],
    down: NDArray[np.float64],
    right: NDArray[np.float64],
    radius: NDArray[np.float64],
) -> NDArray[np.bool_]:
    further, nearer = (
        np.maximum(abs(down), abs(right)),
        np.minimum(abs(down), abs(right)),
    )
    shapes = {
        "circle": down**2 + right**2 <= radius**2,
        "cross": (further <= radius) & (nearer <= radius / 3),
        "square": further <= 0.85 * radius,
        # As wide below as it is high, the tip above.
        "triangle": (abs(down) <= radius) & (abs(right) <= (down + radius) / 2),
    }
    kind = y[:, None, None]
    return np.asarray(
        np.select([kind == k for k in range(len(CLASSES))], [shapes[c] for c in CLASSES])
    )
