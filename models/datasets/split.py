"""Train, validation and test rows: seeded, stratified, and the test part fixed once and for all."""

from typing import NamedTuple, Protocol

import numpy as np

from kerasearch.models.datasets.arrays import Labels, Rows

_TEST, _VALIDATION, _FOLDS = 0, 1, 2  # which of a seed's streams


class SplitFractions(Protocol):
    """Fractions of all rows; what is neither validation nor test is train."""

    @property
    def validation(self) -> float: ...
    @property
    def test(self) -> float: ...
    @property
    def stratify(self) -> bool: ...
    @property
    def seed(self) -> int: ...


class Split(NamedTuple):
    """Row numbers of each part, ascending; disjoint, and together every row."""

    train: Rows
    validation: Rows
    test: Rows


def part_size(rows: int, fraction: float) -> int:
    """How many of `rows` (of a class, when stratified) a part gets: never none."""
    return max(1, round(rows * fraction))


def split_rows(y: Labels, *, validation: float, test: float, stratify: bool, seed: int) -> Split:
    """Split every row of `y` into three parts.

    Stratified parts hold every class in its proportion, rounded class by class, and at least one
    row of it. The test part depends on `y`, `test`, `stratify` and `seed` alone, so that nothing a
    search changes can move a row out of it.

    Raises:
        ValueError: A class (unstratified: all rows) is too small to leave a training row.
    """
    everything = np.arange(len(y))
    pool, sealed = _draw(y, everything, test, stratify, seed, _TEST)
    train, held_out = resplit_rows(y, pool, validation=validation, stratify=stratify, seed=seed)
    return Split(train, held_out, sealed)


def resplit_rows(
    y: Labels, pool: Rows, *, validation: float, stratify: bool, seed: int
) -> tuple[Rows, Rows]:
    """Split `pool` afresh into train and validation, for a retraining.

    Args:
        y: Labels of all rows, as given to `split_rows`.
        pool: Rows outside the test part.
        validation: Fraction of all rows, not of the pool.
        stratify: Whether both parts hold every class in its proportion.
        seed: Of this draw.

    Raises:
        ValueError: A class (unstratified: the pool) is too small to leave a training row.
    """
    return _draw(y, pool, validation, stratify, seed, _VALIDATION)


def fold_rows(
    y: Labels, pool: Rows, *, folds: int, stratify: bool, seed: int
) -> list[tuple[Rows, Rows]]:
    """Train and validation rows of each fold: every row of `pool` validates in one of them.

    Raises:
        ValueError: A class (unstratified: the pool) has fewer rows than there are folds.
    """
    groups = y if stratify else np.zeros_like(y)
    rng = np.random.default_rng([seed, _FOLDS])
    fold_of = np.empty(len(y), np.int64)
    dealt = 0
    for group in np.unique(groups[pool]):
        candidates = rng.permutation(pool[groups[pool] == group])
        if len(candidates) < folds:
            raise ValueError(f"{len(candidates)} rows can't be in {folds} folds: ask for fewer")
        fold_of[candidates] = (dealt + np.arange(len(candidates))) % folds
        dealt += len(candidates)  # so that folds of several classes are of one size
    return [(pool[fold_of[pool] != fold], pool[fold_of[pool] == fold]) for fold in range(folds)]


def _draw(
    y: Labels, pool: Rows, fraction: float, stratify: bool, seed: int, stream: int
) -> tuple[Rows, Rows]:
    """Rows of `pool` that stay and rows that are drawn."""
    groups = y if stratify else np.zeros_like(y)
    rng = np.random.default_rng([seed, stream])
    drawn = []
    for group, rows in zip(*np.unique(groups, return_counts=True), strict=True):
        candidates = pool[groups[pool] == group]
        size = part_size(int(rows), fraction)
        if size >= len(candidates):
            raise ValueError(
                f"{len(candidates)} rows can't give {size} and keep one: ask for smaller parts"
            )
        drawn.append(rng.permutation(candidates)[:size])
    chosen = np.sort(np.concatenate(drawn))
    return np.setdiff1d(pool, chosen, assume_unique=True), chosen
