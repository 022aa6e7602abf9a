"""Zip archives of pictures, one folder a class: `cats/1.png`, `dogs/2.jpg`, below a root or not.

Nothing is unpacked: a member is read into memory, as much as a picture may take, and decoded.
"""

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.images import Pictures, write_pixels
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.picture import (
    MAX_BYTES,
    decoded,
    is_junk,
    pixels_of,
    require_picture,
)
from kerasearch.models.datasets.refusal import refuse
from kerasearch.searchspaces.problems import InvalidInput

MAX_PICTURES = 200_000
MAX_SIDE = 512  # of pictures as they are kept
SIDE = 64
"""Of pictures of several sizes, where nothing is said."""

_GREY = {"1", "L", "LA", "I", "I;16", "F"}
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class _Member(NamedTuple):
    entry: zipfile.ZipInfo
    label: str


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """What pictures there are; every one is decoded once, none is kept.

    Raises:
        InvalidInput: At `/file` or `/schema`; it names the member.
    """
    if schema.model_copy(update={"size": None}) != Schema():
        raise InvalidInput.at("/schema", "pictures take a size alone: their folders are the labels")
    sizes, grey, labels = set[tuple[int, int]](), True, Counter[str]()
    with reading(path) as archive:
        for member in _members(archive):
            with (
                _opened(archive, member.entry) as file,
                decoded(member.entry.filename, file) as picture,
            ):
                sizes.add((picture.height, picture.width))
                grey = grey and picture.mode in _GREY
            labels[member.label] += 1
    if not labels:
        refuse("it holds no picture: put PNG or JPEG files into one folder a class")
    if len(labels) < 2:
        refuse(f"all pictures are in the folder {min(labels)!r}: there is nothing to tell apart")
    same = next(iter(sizes)) if len(sizes) == 1 else None
    size = schema.size or (same if same and max(same) <= MAX_SIDE else (SIDE, SIDE))
    warnings = [] if size in (schema.size, same) else [_resized(sizes, size)]
    return DatasetInfo(
        format="pictures",
        kind="image",
        rows=sum(labels.values()),
        shape=(*size, 1 if grey else 3),
        target="folder",
        class_counts=dict(sorted(labels.items())),
        warnings=tuple(warnings),
    )


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Dataset:
    """The pictures in the archive's order; their pixels lie in a file beside it."""
    if info.shape is None or info.classes is None:
        raise ValueError("pictures are described with shape and classes")
    with reading(path) as archive:
        members = [*_members(archive)]
        index = {name: number for number, name in enumerate(info.classes)}
        y = np.array([index[member.label] for member in members], np.int64)
        side = "x".join(map(str, info.shape))
        file = path.with_name(f"{path.name}.{side}.pixels")
        pixels = (pixels_in(archive, member.entry, info.shape) for member in members)
        write_pixels(file, pixels, len(members), info.shape)
    return Pictures.of(file, info.shape, y, info.classes)


@contextmanager
def reading(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGED as error:
        refuse(f"it is no whole zip archive: {error}")


def pictures_in(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, tuple[str, ...]]]:
    """Pictures by name, with their paths' parts.

    Raises:
        InvalidInput: At `/file`: there are too many, or a member is anything else, by its name.
    """
    entries = sorted(archive.infolist(), key=lambda entry: entry.filename)
    named = [(entry, _parts(entry)) for entry in entries if not entry.is_dir()]
    named = [(entry, parts) for entry, parts in named if not is_junk(parts)]
    if len(named) > MAX_PICTURES:
        refuse(f"it holds {len(named):,} files, and at most {MAX_PICTURES:,} are taken")
    for entry, _ in named:
        require_picture(entry.filename)
    return named


def _members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    named = pictures_in(archive)
    roots = {parts[0] for _, parts in named}
    below = 1 if len(roots) == 1 and all(len(parts) == 3 for _, parts in named) else 0
    for entry, parts in named:
        if len(parts) != 2 + below:
            refuse(f"{entry.filename!r} isn't in a folder that names its class, as in cats/1.png")
        yield _Member(entry, parts[below])


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Of a member's path, which may lead nowhere but down."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts or ":" in name or not parts:
        refuse(f"{name!r} would lead out of the archive")
    if stat.S_ISLNK(entry.external_attr >> 16):
        refuse(f"{name!r} is a link: send the picture itself")
    if entry.flag_bits & 1:
        refuse(f"{name!r} is encrypted")
    return parts


def pixels_in(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """A member's picture, as `picture.pixels_of` makes it."""
    with _opened(archive, entry) as file, decoded(entry.filename, file) as picture:
        return pixels_of(picture, shape)


def _opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    if entry.file_size > MAX_BYTES:
        refuse(f"{entry.filename!r} unpacks to {entry.file_size:,} bytes; at most {MAX_BYTES:,} go")
    return archive.open(entry)  # whatever it says, no more than that is read


def _resized(sizes: set[tuple[int, int]], size: tuple[int, int]) -> str:
    many = f"come in {len(sizes)} sizes" if len(sizes) > 1 else "are {} x {}".format(*min(sizes))
    return (
        f"pictures {many}: all are resized to {size[0]} x {size[1]} pixels; "
        "say size to choose another"
    )
