"""Files that are either whole or not there."""

import csv
import errno
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from kerasearch.models.datasets.whole_file import whole_file
from kerasearch.service.errors import Unavailable


@contextmanager
def room_on_disk(folder: Path) -> Iterator[None]:
    """For a block that writes to `folder`: raises Unavailable when the disk is full."""
    try:
        yield
    except OSError as error:
        # HDF5 tells the number in its text alone.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        if not full:
            raise
        raise Unavailable(f"the disk of {folder} is full") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """As `whole_file`.

    Raises:
        Unavailable: The disk is full.
    """
    with room_on_disk(path.parent), whole_file(path) as temporary:
        yield temporary


def write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with written_whole(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(path: Path, sha256: str) -> bool:
    """Whether the content is still the one of this digest."""
    return digest_of(path) == sha256


def digest_of(path: Path) -> str:
    """The SHA-256; read again only if it was written to."""
    stat = path.stat()
    return _sha256_of_version(path, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _sha256_of_version(path: Path, _modified: int, _changed: int, _size: int) -> str:
    return sha256_of(path)


def listing(folder: Path) -> list[str]:
    """Files directly in `folder` that are whole, by name."""
    if not folder.is_dir():
        return []
    return sorted(f.name for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))


def inside(folder: Path, relative: str) -> Path | None:
    """The file at `relative` below `folder`; None when none is, or it would lead outside."""
    try:
        path = (folder / relative).resolve()
        whole = path.is_file() and not path.name.startswith(".")
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return None
    return path if whole and path.is_relative_to(folder.resolve()) else None
