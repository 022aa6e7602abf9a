"""Pictures that are no dataset: one, a folder or an archive of them, with their names."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets import image_zip
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.picture import FORMATS, decoded, pixels_of
from kerasearch.models.datasets.picture_folder import files_in
from kerasearch.models.datasets.refusal import refuse

BATCH_VALUES = 1 << 24  # 64 MiB of float32


def are_pictures(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in (".zip", *FORMATS)


def picture_batches(
    path: Path, shape: tuple[int, ...]
) -> Iterator[tuple[tuple[str, ...], Features]]:
    """Names of pictures below `path`, and their pixels at `shape`, 0 to 255, as a dataset's.

    Raises:
        InvalidInput: At `/file`: something is no picture, or there is none.
    """
    pictures = _pictures(path, shape)
    many = max(1, BATCH_VALUES // math.prod(shape))
    while batch := list(islice(pictures, many)):
        names, pixels = zip(*batch, strict=True)
        yield names, np.array(pixels, np.float32)


def _pictures(path: Path, shape: tuple[int, ...]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    if path.suffix.lower() == ".zip" and not path.is_dir():
        with image_zip.reading(path) as archive:
            entries = [entry for entry, _ in image_zip.pictures_in(archive)]
            if not entries:
                refuse("it holds no picture")
            for entry in entries:
                yield entry.filename, image_zip.pixels_in(archive, entry, shape)
        return
    folder, names = (path, files_in(path)) if path.is_dir() else (path.parent, [Path(path.name)])
    for name in names:
        with (folder / name).open("rb") as file, decoded(str(name), file) as picture:
            yield str(name), pixels_of(picture, shape)
