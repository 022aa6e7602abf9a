"""Zip archives of pictures, one folder a class: `cats/1.png`, `dogs/2.jpg`, below a root or not.

Nothing is unpacked: a member is read into memory, as much as a picture may take, and decoded.
"""

import io
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.images import Pictures, write_pixels
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.searchspaces.problems import InvalidInput

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
MAX_PICTURES = 200_000
MAX_MEMBER_BYTES = 64 << 20
MAX_PIXELS = 50_000_000  # of one picture, before it is resized
MAX_SIDE = 512  # after
SIDE = 64
"""Of pictures of several sizes, where nothing is said."""

_GREY = {"1", "L", "LA", "I", "I;16", "F"}
_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
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
    with _reading(path) as archive:
        for member in _members(archive):
            with _decoded(archive, member.entry) as picture:
                sizes.add((picture.height, picture.width))
                grey = grey and picture.mode in _GREY
            labels[member.label] += 1
    if not labels:
        _refuse("it holds no picture: put PNG or JPEG files into one folder a class")
    if len(labels) < 2:
        _refuse(f"all pictures are in the folder {min(labels)!r}: there is nothing to tell apart")
    same = next(iter(sizes)) if len(sizes) == 1 else None
    size = schema.size or (same if same and max(same) <= MAX_SIDE else (SIDE, SIDE))
    warnings = [] if len(sizes) == 1 and size == same else [_resized(len(sizes), size)]
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
    with _reading(path) as archive:
        members = [*_members(archive)]
        index = {name: number for number, name in enumerate(info.classes)}
        y = np.array([index[member.label] for member in members], np.int64)
        side = "x".join(map(str, info.shape))
        file = path.with_name(f"{path.name}.{side}.pixels")
        pixels = (_pixels(archive, member.entry, info.shape) for member in members)
        write_pixels(file, pixels, len(members), info.shape)
    return Pictures.of(file, info.shape, y, info.classes)


def _pixels(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    height, width, channels = shape
    with _decoded(archive, entry) as picture:
        if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a pixel
            deep = np.asarray(picture, np.float64)
            picture = Image.fromarray((deep / 257).clip(0, 255).astype(np.uint8))
        upright = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
        sized = upright.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(sized, np.uint8).reshape(shape)


@contextmanager
def _reading(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGED as error:
        _refuse(f"it is no whole zip archive: {error}")


def _members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    """Pictures by name; a member that is anything else is refused by its name."""
    entries = sorted(archive.infolist(), key=lambda entry: entry.filename)
    named = [(entry, _parts(entry)) for entry in entries if not entry.is_dir()]
    named = [(entry, parts) for entry, parts in named if not _is_junk(parts)]
    if len(named) > MAX_PICTURES:
        _refuse(f"it holds {len(named):,} files, and at most {MAX_PICTURES:,} are taken")
    roots = {parts[0] for _, parts in named}
    below = 1 if len(roots) == 1 and all(len(parts) == 3 for _, parts in named) else 0
    for entry, parts in named:
        if len(parts) != 2 + below:
            _refuse(f"{entry.filename!r} isn't in a folder that names its class, as in cats/1.png")
        if PurePosixPath(entry.filename).suffix.lower() not in FORMATS:
            _refuse(f"{entry.filename!r} is no PNG or JPEG file: leave it out")
        yield _Member(entry, parts[below])


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Of a member's path, which may lead nowhere but down."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts or ":" in name or not parts:
        _refuse(f"{name!r} would lead out of the archive")
    if stat.S_ISLNK(entry.external_attr >> 16):
        _refuse(f"{name!r} is a link: send the picture itself")
    if entry.flag_bits & 1:
        _refuse(f"{name!r} is encrypted")
    return parts


def _is_junk(parts: tuple[str, ...]) -> bool:
    """What systems leave in folders unasked."""
    return parts[0] in _JUNK or parts[-1] in _JUNK or parts[-1].startswith(".")


@contextmanager
def _decoded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[Image.Image]:
    name = entry.filename
    if entry.file_size > MAX_MEMBER_BYTES:
        _refuse(f"{name!r} unpacks to {entry.file_size:,} bytes; at most {MAX_MEMBER_BYTES:,} go")
    with archive.open(entry) as member:
        content = member.read(MAX_MEMBER_BYTES + 1)  # whatever its header says
    try:
        with Image.open(io.BytesIO(content), formats=sorted({*FORMATS.values()})) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                size = f"{picture.width:,} x {picture.height:,}"
                _refuse(f"{name!r} has {size} pixels; at most {MAX_PIXELS:,} are taken")
            picture.load()
            yield picture
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, zlib.error) as error:
        _refuse(f"{name!r} is no whole PNG or JPEG picture: {error}")
    except Image.DecompressionBombError as error:
        _refuse(f"{name!r} is too large: {error}")


def _resized(sizes: int, size: tuple[int, int]) -> str:
    many = f"pictures come in {sizes} sizes" if sizes > 1 else "pictures are large"
    return f"{many}: all are resized to {size[0]} x {size[1]} pixels; say size to choose another"


def _refuse(detail: str) -> None:
    raise InvalidInput.at("/file", detail)
