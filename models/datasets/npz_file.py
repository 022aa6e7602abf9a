"""NPZ files as numpy.savez writes them, members x and y, checked before anything is allocated.

Nothing is unpickled. A header is parsed from at most 64 KiB and must agree with its member's size;
the content is then checked as a stream of small blocks.
"""

import io
import math
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kerasearch.models.datasets.dataset import Dataset, Features
from kerasearch.models.datasets.info import MAX_CLASSES, DatasetInfo, Kind
from kerasearch.models.datasets.labels import LARGEST, count_classes, index_labels
from kerasearch.searchspaces.problems import InvalidInput

MAX_BYTES = 1 << 30
"""Of a member, and of `x` as float32."""

MAX_RATIO = 200
"""Of a member to its compressed form, above 16 MiB; deflate's utmost, and a bomb's, is 1,032."""

_UNSUSPICIOUS = 1 << 24  # bytes
_HEADER = 1 << 16  # bytes
_LABEL = 1024  # bytes
_BLOCK = 1 << 20  # bytes

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)
_TOO_DEEP = (MemoryError, RecursionError)  # of a nested expression

_DIMENSIONS: dict[Kind, int] = {"tabular": 2, "sequence": 3, "image": 4}


class _Array(NamedTuple):
    """An array in the archive: where its content starts, and what its header says."""

    member: zipfile.ZipInfo
    offset: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]


def inspect_npz(path: Path, kind: Kind | None) -> DatasetInfo:
    """What an NPZ file holds, without ever holding it.

    Raises:
        InvalidInput: At `/file` or `/kind`.
    """
    with _reading(path) as archive:
        x, y = _arrays(archive)
        kind, shape = _kind_and_shape(x.shape, kind)
        for block in _blocks(archive, x):
            # Not `>`: a comparison with NaN is false.
            if not np.abs(block.astype(np.float64)).max() <= LARGEST:
                _refuse("x holds NaN, infinite or too large values: replace them before sending")
        labels = _count_labels(archive, y)
    try:
        class_counts = count_classes("y", labels)
    except InvalidInput as error:
        raise error.under("/file") from None
    return DatasetInfo(
        format="npz",
        kind=kind,
        rows=x.shape[0],
        shape=shape,
        target="y",
        class_counts=class_counts,
    )


def load_npz(path: Path, info: DatasetInfo) -> Dataset:
    """The dataset of a file that `inspect_npz` described as `info`."""
    assert info.shape is not None  # noqa: S101 - an NPZ's shape is always known
    with _reading(path) as archive:
        x, y = _arrays(archive)
        labels = _count_labels(archive, y) or {}
        index = index_labels(labels)
        return Dataset(
            kind=info.kind,
            x=_load_features(archive, x).reshape(info.rows, *info.shape),
            y=np.concatenate([_classes(block, index) for block in _blocks(archive, y)]),
            classes=tuple(count_classes("y", labels)),
        )


def _refuse(detail: str) -> NoReturn:
    raise InvalidInput.at("/file", detail)


@contextmanager
def _reading(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGED as error:
        raise InvalidInput.at("/file", f"the archive is damaged: {error}") from error


def _check_directory(path: Path) -> None:
    """Refuse a directory of more than a few entries before zipfile makes an object of each."""
    with path.open("rb") as file:
        file.seek(0, io.SEEK_END)
        file.seek(-min(file.tell(), 42), io.SEEK_END)
        tail = file.read()
    end = tail[-22:]
    zip64 = tail[:4] == b"PK\x06\x07"
    if end[:4] != b"PK\x05\x06" or end[-2:] != b"\0\0" or zip64:
        _refuse("this is no archive that numpy.savez or numpy.savez_compressed wrote")
    (directory_bytes,) = struct.unpack("<L", end[12:16])
    if directory_bytes > 4096:
        _refuse("the archive has too many members; save x and y alone")


def _arrays(archive: zipfile.ZipFile) -> tuple[_Array, _Array]:
    names = sorted(member.filename for member in archive.infolist())
    if names != ["x.npy", "y.npy"]:
        _refuse(f"the archive must hold x and y and no more, not {', '.join(names) or 'nothing'}")
    x, y = (_read_header(archive, name) for name in ("x", "y"))
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        _refuse(f"x must hold real numbers, not {x.dtype}")
    if y.dtype.kind not in "biufUS" or not 0 < y.dtype.itemsize <= _LABEL:
        _refuse(f"y must hold whole numbers or short strings, not {y.dtype}")
    if len(y.shape) != 1:
        _refuse(f"y must have shape (n,), not {y.shape}: save y.argmax(axis=1) if it is one-hot")
    if not x.shape or x.shape[0] != y.shape[0]:
        _refuse(f"x and y must have as many rows, not shapes {x.shape} and {y.shape}")
    if math.prod(x.shape) == 0:
        _refuse(f"x has shape {x.shape}: there is nothing in it")
    if math.prod(x.shape) * 4 > MAX_BYTES:
        _refuse(f"x has shape {x.shape}: more than {MAX_BYTES >> 20} MiB as float32")
    return x, y


def _read_header(archive: zipfile.ZipFile, name: str) -> _Array:
    member = archive.getinfo(f"{name}.npy")
    if member.header_offset < 0:
        raise zipfile.BadZipFile(f"{name} lies before the archive")
    if member.flag_bits & 1:
        _refuse(f"{name} is encrypted: save it without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        _refuse(f"{name} isn't compressed as numpy does: save it by numpy.savez_compressed")
    if member.file_size > MAX_BYTES:
        _refuse(f"{name} is {member.file_size >> 20} MiB, more than {MAX_BYTES >> 20}")
    if member.file_size > max(_UNSUSPICIOUS, MAX_RATIO * member.compress_size):
        _refuse(f"{name} expands more than {MAX_RATIO} times: save it by numpy.savez, uncompressed")
    with archive.open(member) as content:
        start = io.BytesIO(content.read(_HEADER))
    try:
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, fortran, dtype = read[npy.read_magic(start)](start)
    # What numpy's parser raises on hostile text; KeyError: a format version for field names.
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, *_TOO_DEEP) as error:
        raise InvalidInput.at("/file", f"{name} has no header that numpy writes") from error
    if dtype.hasobject:
        _refuse(f"{name} holds Python objects, which are never loaded: save numbers or strings")
    if len(shape) > 4 or not all(0 <= length <= MAX_BYTES for length in shape):
        _refuse(f"{name}'s header claims a shape that no dataset has: at most 4 dimensions")
    claimed = math.prod(shape) * dtype.itemsize
    stored = member.file_size - start.tell()
    if claimed != stored:
        _refuse(f"{name}'s header claims {claimed} bytes, shape {shape}, but {stored} are there")
    return _Array(member, start.tell(), shape, fortran, dtype)


def _kind_and_shape(shape: tuple[int, ...], kind: Kind | None) -> tuple[Kind, tuple[int, ...]]:
    """The kind that `x` is, by its dimensions unless said, and the shape of one example."""
    if kind is None:
        for kind, dimensions in _DIMENSIONS.items():
            if dimensions == len(shape):
                return kind, shape[1:]
        _refuse(f"x must have 2 dimensions (tabular), 3 (sequence) or 4 (image), not shape {shape}")
    missing = _DIMENSIONS[kind] - len(shape)
    if missing == 0:
        return kind, shape[1:]
    if missing == 1 and kind != "tabular":
        return kind, (*shape[1:], 1)  # the one channel that was left out
    raise InvalidInput.at(
        "/kind", f"{kind} data has {_DIMENSIONS[kind]} dimensions, rows first, not shape {shape}"
    )


def _blocks(archive: zipfile.ZipFile, array: _Array) -> Iterator[NDArray[np.generic]]:
    """The content in stored order, flat, a block at a time."""
    itemsize = array.dtype.itemsize
    left = math.prod(array.shape) * itemsize
    with archive.open(array.member) as content:
        content.read(array.offset)
        while left:
            data = content.read(min(left, _BLOCK // itemsize * itemsize))
            if not data or len(data) % itemsize:
                raise EOFError(f"{array.member.filename} ends early")
            left -= len(data)
            yield np.frombuffer(data, array.dtype)


def _load_features(archive: zipfile.ZipFile, array: _Array) -> Features:
    flat = np.empty(math.prod(array.shape), np.float32)
    start = 0
    for block in _blocks(archive, array):
        flat[start : start + len(block)] = block
        start += len(block)
    if array.fortran:
        return np.ascontiguousarray(flat.reshape(array.shape[::-1]).T)
    return flat.reshape(array.shape)


def _count_labels(archive: zipfile.ZipFile, array: _Array) -> dict[str, int] | None:
    """Rows of each label; None where there are more than `MAX_CLASSES`."""
    counts: Counter[str] = Counter()
    for block in _blocks(archive, array):
        values, rows = np.unique(block, return_counts=True)
        if len(values) > MAX_CLASSES:
            return None
        counts.update(dict(zip(_texts(values), rows.tolist(), strict=True)))
    return dict(counts) if len(counts) <= MAX_CLASSES else None


def _classes(block: NDArray[np.generic], index: dict[str, int]) -> NDArray[np.int64]:
    values, places = np.unique(block, return_inverse=True)
    return np.array([index[text] for text in _texts(values)], np.int64)[places]


def _texts(values: NDArray[np.generic]) -> list[str]:
    """Labels as a person writes them: 3.0 is '3'."""
    try:
        if values.dtype.kind == "S":
            values = values.astype(np.str_)
        labels = values.tolist()
    except ValueError as error:  # bytes that aren't ASCII, code points that aren't Unicode
        raise InvalidInput.at("/file", "y holds strings that aren't text") from error
    texts = []
    for label in labels:
        text = str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
        if text in ("", "nan"):
            _refuse("y has rows without a label; every row needs a class")
        texts.append(text)
    return texts
