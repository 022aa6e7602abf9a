"""Ratings from a low-rank model: what a user gives an item follows from a few tastes, and noise."""

import numpy as np
from scipy.sparse import csr_matrix

from kerasearch.models.datasets.ratings import Ratings

USERS, ITEMS, TASTES = 400, 250, 5
DENSITY = 0.12  # of all pairs, those rated
NOISE = 0.4  # standard deviation, in stars


def rate(seed: int = 1992) -> csr_matrix:
    """Stars 0.5 to 5 in halves, shape `(400, 250)`; popular items are rated more often."""
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    users, items = rng.standard_normal((USERS, TASTES)), rng.standard_normal((ITEMS, TASTES))
    liking = users @ items.T / np.sqrt(TASTES)
    stars = 3.3 + 0.4 * rng.standard_normal((USERS, 1)) + 0.4 * rng.standard_normal(ITEMS) + liking
    stars = np.clip(np.round(2 * (stars + NOISE * rng.standard_normal(stars.shape))) / 2, 0.5, 5)
    popularity = rng.gamma(2.0, size=ITEMS)
    rated = rng.uniform(size=stars.shape) < DENSITY * popularity / popularity.mean()
    # Nobody without a rating: a row or column of nothing teaches nothing.
    rated[np.arange(USERS), rng.randint(ITEMS, size=USERS)] = True
    rated[rng.randint(USERS, size=ITEMS), np.arange(ITEMS)] = True
    return csr_matrix(np.where(rated, stars, 0).astype(np.float32))


def rated() -> Ratings:
    return Ratings.of(rate())
