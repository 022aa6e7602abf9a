"""NPZ archives as numpy.savez writes them, checked before anything is allocated.

Nothing is unpickled. A header is parsed from at most 64 KiB and must agree with its member's size;
the content is then read as a stream of small blocks.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.refusal import refuse
from kerasearch.searchspaces.problems import InvalidInput

MAX_BYTES = 1 << 30
"""Of a member, and of one as float32."""

MAX_RATIO = 200
"""Of a member to its compressed form, above 16 MiB; deflate's utmost, and a bomb's, is 1,032."""

_UNSUSPICIOUS = 1 << 24  # bytes
_HEADER = 1 << 16  # bytes
_BLOCK = 1 << 20  # bytes

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)
_TOO_DEEP = (MemoryError, RecursionError)  # of a nested expression


SPARSE = ("data", "format", "indices", "indptr", "shape")
"""Members of a sparse matrix; and `_is_array`, where it was no matrix but an array."""


class Array(NamedTuple):
    """An array in the archive: where its content starts, and what its header says."""

    member: zipfile.ZipInfo
    offset: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]


@contextmanager
def reading(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, with whatever is damaged in it told as InvalidInput at `/file`."""
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
        refuse("this is no archive that numpy.savez or numpy.savez_compressed wrote")
    (directory_bytes,) = struct.unpack("<L", end[12:16])
    if directory_bytes > 4096:
        refuse("the archive has too many members; save x and y alone")


def is_sparse(archive: zipfile.ZipFile) -> bool:
    """Whether it holds what scipy.sparse.save_npz writes of compressed rows or columns."""
    names = {member.filename.removesuffix(".npy") for member in archive.infolist()}
    return names - {"_is_array"} == set(SPARSE)


def read_header(archive: zipfile.ZipFile, name: str) -> Array:
    """What an array is, its content unread."""
    member = archive.getinfo(f"{name}.npy")
    if member.header_offset < 0:
        raise zipfile.BadZipFile(f"{name} lies before the archive")
    if member.flag_bits & 1:
        refuse(f"{name} is encrypted: save it without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        refuse(f"{name} isn't compressed as numpy does: save it by numpy.savez_compressed")
    if member.file_size > MAX_BYTES:
        refuse(f"{name} is {member.file_size >> 20} MiB, more than {MAX_BYTES >> 20}")
    if member.file_size > max(_UNSUSPICIOUS, MAX_RATIO * member.compress_size):
        refuse(f"{name} expands more than {MAX_RATIO} times: save it by numpy.savez, uncompressed")
    with archive.open(member) as content:
        start = io.BytesIO(content.read(_HEADER))
    try:
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, fortran, dtype = read[npy.read_magic(start)](start)
    # What numpy's parser raises on hostile text; KeyError: a format version for field names.
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, *_TOO_DEEP) as error:
        raise InvalidInput.at("/file", f"{name} has no header that numpy writes") from error
    if dtype.hasobject:
        refuse(f"{name} holds Python objects, which are never loaded: save numbers or strings")
    if len(shape) > 4 or not all(0 <= length <= MAX_BYTES for length in shape):
        refuse(f"{name}'s header claims a shape that no dataset has: at most 4 dimensions")
    claimed = math.prod(shape) * dtype.itemsize
    stored = member.file_size - start.tell()
    if claimed != stored:
        refuse(f"{name}'s header claims {claimed} bytes, shape {shape}, but {stored} are there")
    return Array(member, start.tell(), shape, fortran, dtype)


def blocks(archive: zipfile.ZipFile, array: Array, unit: int = 1) -> Iterator[NDArray[np.generic]]:
    """The content in stored order, flat, some at a time, always a multiple of `unit` numbers."""
    itemsize = array.dtype.itemsize * unit
    left = math.prod(array.shape) * array.dtype.itemsize
    with archive.open(array.member) as content:
        content.read(array.offset)
        while left:
            data = content.read(min(left, max(1, _BLOCK // itemsize) * itemsize))
            if not data or len(data) % itemsize:
                raise EOFError(f"{array.member.filename} ends early")
            left -= len(data)
            yield np.frombuffer(data, array.dtype)


def load_numbers(archive: zipfile.ZipFile, array: Array) -> Features:
    """The array as float32, in C order."""
    flat = np.empty(math.prod(array.shape), np.float32)
    start = 0
    for block in blocks(archive, array):
        flat[start : start + len(block)] = block
        start += len(block)
    if array.fortran:
        return np.ascontiguousarray(flat.reshape(array.shape[::-1]).T)
    return flat.reshape(array.shape)
