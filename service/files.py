"""Files that are either whole or not there."""

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path`, durably, when the block ends well.

    The suffix is kept, since Keras and matplotlib read the format from it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the rename itself
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


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
