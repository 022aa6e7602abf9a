"""Ratings: what users gave items. A sparse matrix, cut by rating and never held as a whole."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

from kerasearch.models.datasets.arrays import Features, Rows
from kerasearch.models.datasets.dataset import Dataset, Examples, Prepared
from kerasearch.models.datasets.info import DatasetInfo
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.datasets.split import Split, SplitFractions, part_size
from kerasearch.models.datasets.timeline import CannotCut
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.windows import SIDES

UNKNOWN = PADDING
"""Stands where a row has no rating; 0 may be one."""

MAX_RATINGS = 20_000_000
MAX_NAMES = 1_000_000
"""Of users, and of items."""

FEWEST = 3
"""Users, and items."""

_TEST, _VALIDATION, _FOLDS = 0, 1, 2  # which of a seed's streams


class SparseRows:
    """Looks like an array of float32, `(n, columns)`, and is made when indexed.

    Args:
        matrix: What is known; everything else is `UNKNOWN`.
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, matrix: csr_matrix) -> None:
        self._matrix = matrix
        self.shape: tuple[int, int] = matrix.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: slice | Rows) -> Features:
        part = self._matrix[chosen]
        dense = np.full(part.shape, UNKNOWN, np.float32)
        dense[_rows_of(part), part.indices] = part.data
        return dense

    @property
    def known(self) -> Features:
        """Every rating, row after row."""
        ratings: Features = self._matrix.data
        return ratings


@dataclass(frozen=True)
class Ratings(Dataset):
    """`x` is a sparse matrix, `(users, items)`; the rows of a split are ratings by their place.

    Attributes:
        users: Their names, in the order of the matrix; empty where they have none.
        items: The same.
    """

    users: tuple[str, ...] = ()
    items: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, matrix: csr_matrix, users: tuple[str, ...] = (), items: tuple[str, ...] = ()
    ) -> Self:
        matrix = csr_matrix(matrix, dtype=np.float32)
        matrix.sort_indices()
        return cls("ratings", matrix, None, users=users, items=items)

    def __len__(self) -> int:
        users: int = self.x.shape[0]
        return users

    def sha256(self) -> str:
        digest = hashlib.sha256()
        digest.update(json.dumps([self.kind, self.x.shape, self.users, self.items]).encode())
        for numbers, kind in ((self._matrix.indptr, "<i8"), (self._matrix.indices, "<i8")):
            digest.update(np.ascontiguousarray(numbers, kind).data)
        digest.update(np.ascontiguousarray(self._matrix.data, "<f4").data)
        return digest.hexdigest()

    def split(self, fractions: SplitFractions) -> Split:
        """Of each user's ratings the same share, and one at least to train on; if there are enough.

        Where `stratify` is off, any ratings.
        """
        key = [fractions.seed, _TEST]
        pool, test = self._draw(np.arange(self._matrix.nnz), fractions, fractions.test, key)
        return Split(*self.resplit(pool, fractions, fractions.seed), test)

    def resplit(self, pool: Rows, fractions: SplitFractions, seed: int) -> tuple[Rows, Rows]:
        return self._draw(pool, fractions, fractions.validation, [seed, _VALIDATION])

    def folds(self, pool: Rows, fractions: SplitFractions, count: int) -> list[tuple[Rows, Rows]]:
        """Every rating of `pool` validates once, but for one of each user, who keeps it."""
        spare = self._spare(pool, fractions, [fractions.seed, _FOLDS])
        if len(spare) < count:
            raise ValueError(f"{len(spare)} ratings can't be in {count} folds: ask for fewer")
        held_out = [np.sort(spare[fold::count]) for fold in range(count)]
        return [(np.setdiff1d(pool, fold, assume_unique=True), fold) for fold in held_out]

    def _draw(
        self, pool: Rows, fractions: SplitFractions, share: float, key: list[int]
    ) -> tuple[Rows, Rows]:
        """Ratings of `pool` that stay, and those drawn: a share of all that there are."""
        count = part_size(self._matrix.nnz, share)
        if len(pool) <= count:
            raise ValueError(
                f"{len(pool)} ratings can't give {count} and keep one: ask for smaller parts"
            )
        spare = self._spare(pool, fractions, key)
        if len(spare) < count:
            spare = np.random.default_rng(key).permutation(pool)
        drawn = np.sort(spare[np.arange(count) * len(spare) // count])
        return np.setdiff1d(pool, drawn, assume_unique=True), drawn

    def _spare(self, pool: Rows, fractions: SplitFractions, key: list[int]) -> Rows:
        """All of `pool` but one of each user, user after user, each one's ratings in any order."""
        shuffled = np.random.default_rng(key).permutation(pool)
        if not fractions.stratify:
            return shuffled[1:]
        users = _rows_of(self._matrix)[shuffled]
        order = np.argsort(users, kind="stable")
        is_first = np.diff(users[order], prepend=-1) > 0
        spare: Rows = shuffled[order[~is_first]]
        return spare

    def prepared(self, train: Rows, task: TaskName, params: Params) -> "RatingRows":
        side = params.get("side", SIDES[0])
        if side not in SIDES:
            raise CannotCut(f"side must be {' or '.join(SIDES)}, not {side!r}")
        return RatingRows(self, task, str(side), self.part(train, str(side)))

    def part(self, rows: Rows, side: str) -> csr_matrix:
        """These ratings alone, a row a user, or a row an item."""
        matrix = self._matrix
        places = (_rows_of(matrix)[rows], matrix.indices[rows])
        shape = matrix.shape
        if side == "item":
            places, shape = places[::-1], shape[::-1]
        return csr_matrix((matrix.data[rows], places), shape)

    def lines(self) -> Iterator[tuple[str, str, np.float32]]:
        """Every rating with who gave it to what, by their names."""
        users, items = self.users or range(len(self)), self.items or range(self.x.shape[1])
        for user, item, rating in zip(
            _rows_of(self._matrix), self._matrix.indices, self._matrix.data, strict=True
        ):
            yield str(users[user]), str(items[item]), rating

    @property
    def _matrix(self) -> csr_matrix:
        return self.x

    def described(self, file_format: str, **more: Any) -> DatasetInfo:  # Any: of DatasetInfo
        """What the database keeps of an uploaded file of these."""
        users, items = self._matrix.shape
        single = int((np.diff(self._matrix.indptr) == 1).sum())
        warnings = []
        if single:
            warnings.append(f"{single} of {users} users rated one item only: they never validate")
        return DatasetInfo(
            format=file_format,
            kind="ratings",
            rows=users,
            shape=(items,),
            target="rating",
            class_counts=None,
            tasks=("rating_prediction",),
            target_shape=(items,),
            warnings=tuple(warnings),
            **more,
        )


@dataclass(frozen=True)
class RatingRows(Prepared):
    """Rows of ratings: what a user, or an item, was known by in training, and what was to be told.

    Attributes:
        side: Whose rows they are: `user` or `item`.
        known: The train part's ratings, `(rows, columns)`.
    """

    side: str
    known: csr_matrix

    def examples(self, rows: Rows) -> Examples:
        """`x` are the train part's ratings, `y` the ratings `rows`, of whoever has one of these."""
        assert isinstance(self.dataset, Ratings)  # noqa: S101 - it made this
        asked = self.dataset.part(rows, self.side)
        whose = np.flatnonzero(np.diff(asked.indptr))
        x, y = SparseRows(self.known[whose]), SparseRows(asked[whose])
        return Examples(x, y)  # type: ignore[arg-type]  # indexed as arrays are

    @property
    def description(self) -> dict[str, object]:
        """With the names of the columns, in the order in which the model has them."""
        assert isinstance(self.dataset, Ratings)  # noqa: S101 - it made this
        names = self.dataset.items if self.side == "user" else self.dataset.users
        columns = names or tuple(map(str, range(self.known.shape[1])))
        return {"kind": "ratings", "side": self.side, "columns": list(columns)}


def check_size(users: int, items: int, ratings: int) -> None:
    """Refuse too few or too many of them.

    Raises:
        InvalidInput: At `/file`.
    """
    if ratings > MAX_RATINGS or max(users, items) > MAX_NAMES:
        detail = (
            f"{ratings:,} ratings of {users:,} users for {items:,} items are too many: at most "
            f"{MAX_RATINGS:,}, of {MAX_NAMES:,} users for as many items, are read"
        )
        raise InvalidInput.at("/file", detail)
    if min(users, items) < FEWEST:
        detail = f"{users} users and {items} items are too few: there must be {FEWEST} of each"
        raise InvalidInput.at("/file", detail)


def _rows_of(matrix: csr_matrix) -> Rows:
    """Of each of its numbers, the row."""
    rows: Rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows
