"""Sparse matrices of ratings, users by items, as scipy.sparse.save_npz writes them in CSR.

Nothing is unpickled; the arrays are checked before a matrix is made of them.
"""

import math
import zipfile
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import LARGEST
from kerasearch.models.datasets.npz_archive import (
    SPARSE,
    Array,
    blocks,
    is_sparse,
    load_numbers,
    read_header,
    reading,
)
from kerasearch.models.datasets.ratings import Ratings, check_size
from kerasearch.models.datasets.refusal import refuse
from kerasearch.searchspaces.problems import InvalidInput

_CSR = np.dtype("S3")


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """Who rated what.

    Raises:
        InvalidInput: At `/file` or `/schema`.
    """
    if schema != Schema():
        raise InvalidInput.at("/schema", "a sparse matrix takes no schema: its numbers are ratings")
    return _read(path).described("csr")


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Ratings:
    return _read(path)


def _read(path: Path) -> Ratings:
    with reading(path) as archive:
        if not is_sparse(archive):
            refuse("ratings in NPZ are what scipy.sparse.save_npz writes of a CSR matrix")
        headers = {name: read_header(archive, name) for name in SPARSE}
        _check_headers(archive, headers)
        users, items = map(int, _whole_numbers(archive, headers["shape"]))
        check_size(users, items, math.prod(headers["data"].shape))
        starts = _whole_numbers(archive, headers["indptr"])
        columns = _whole_numbers(archive, headers["indices"])
        numbers = load_numbers(archive, headers["data"])
    _check_places(starts, columns, users, items)
    if not np.abs(numbers).max(initial=0) <= LARGEST:  # a comparison with NaN is false
        refuse("a rating is NaN, infinite or too large: leave out what isn't known")
    matrix = csr_matrix((numbers, columns, starts), (users, items))
    _check_rated(matrix)
    return Ratings.of(matrix)


def _check_headers(archive: zipfile.ZipFile, headers: dict[str, Array]) -> None:
    stored = headers["format"]
    if stored.dtype != _CSR or stored.shape or next(blocks(archive, stored)).item() != b"csr":
        refuse("it is no CSR matrix: save matrix.tocsr()")
    for name in ("shape", "indptr", "indices"):
        if headers[name].dtype.kind not in "iu" or len(headers[name].shape) != 1:
            refuse(f"{name} must hold whole numbers, as scipy.sparse.save_npz writes it")
    if headers["shape"].shape != (2,):
        refuse("a matrix of ratings has two sides: users and items")
    data = headers["data"]
    if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
        refuse(f"ratings must be real numbers, not {data.dtype}")
    if headers["shape"].shape != (2,):
        refuse("a matrix of ratings has two sides: users and items")
    if data.shape != headers["indices"].shape:
        refuse(f"data and indices must be as long as each other, not {data.shape}")


def _whole_numbers(archive: zipfile.ZipFile, array: Array) -> Rows:
    parts = [block.astype(np.int64) for block in blocks(archive, array)]
    return np.concatenate([np.empty(0, np.int64), *parts])


def _check_places(starts: Rows, columns: Rows, users: int, items: int) -> None:
    """Refuse what is no CSR matrix, which would make scipy read beyond its arrays."""
    if len(starts) != users + 1 or starts[0] != 0 or starts[-1] != len(columns):
        refuse("indptr doesn't fit the matrix's shape and data: save it by scipy.sparse.save_npz")
    if (np.diff(starts) < 0).any() or not ((columns >= 0) & (columns < items)).all():
        refuse("indptr or indices lead out of the matrix: save it by scipy.sparse.save_npz")


def _check_rated(matrix: csr_matrix) -> None:
    """Refuse pairs that are rated twice, and users and items without a rating."""
    for side, one in (("user", matrix), ("item", matrix.tocsc())):
        if len(empty := np.flatnonzero(np.diff(one.indptr) == 0)):
            refuse(f"{side} {empty[0]} has no rating: leave {side}s without ratings out")
    if not matrix.has_canonical_format:
        matrix.sort_indices()
        same_row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        again = (np.diff(matrix.indices) == 0) & (np.diff(same_row) == 0)
        if again.any():
            place = int(again.argmax())
            user, item = same_row[place], matrix.indices[place]
            refuse(f"user {user} has rated item {item} twice: call sum_duplicates, or keep one")
