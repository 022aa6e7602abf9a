"""Pictures that lie in a file as bytes, and come into memory as they are asked for."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.arrays import Features, Labels, Rows
from kerasearch.models.datasets.dataset import Dataset, Examples, Prepared
from kerasearch.models.datasets.whole_file import whole_file
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Params

IN_MEMORY_BYTES = 256 << 20
"""Of a set of pictures as float32; a larger one is read from its file batch by batch."""


class StreamedImages:
    """Looks like an array of float32, `(n, height, width, channels)`, and is read when indexed.

    Args:
        path: uint8, one picture after the other.
        shape: Of one picture.
        rows: Of the file, in this order.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, path: Path, shape: tuple[int, ...], rows: Rows) -> None:
        self._path = path
        self._rows = rows
        self.shape = (len(rows), *shape)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: slice | Rows) -> Features:
        return read_pixels(self._path, self.shape[1:], self._rows[chosen])

    def only(self, rows: Rows) -> "StreamedImages":
        """These pictures, unread."""
        return StreamedImages(self._path, self.shape[1:], self._rows[rows])


@dataclass(frozen=True)
class Pictures(Dataset):
    """Pictures whose pixels are in a file.

    Attributes:
        x: StreamedImages where they are many, else an array.
    """

    @classmethod
    def of(cls, path: Path, shape: tuple[int, ...], y: Labels, classes: tuple[str, ...]) -> Self:
        every = np.arange(len(y))
        many = len(y) * int(np.prod(shape)) * 4 > IN_MEMORY_BYTES
        x = StreamedImages(path, shape, every) if many else read_pixels(path, shape, every)
        return cls("image", x, y, classes)  # type: ignore[arg-type]  # indexed as an array is

    def prepared(self, train: Rows, task: TaskName, params: Params) -> Prepared:
        return PreparedPictures(self, task)


@dataclass(frozen=True)
class PreparedPictures(Prepared):
    """Pictures of a split are still in their file."""

    def examples(self, rows: Rows) -> Examples:
        if not isinstance(x := self.dataset.x, StreamedImages):
            return super().examples(rows)
        labels = self.dataset.labels
        if labels is None:
            raise ValueError("pictures have labels")
        chosen: Any = x.only(rows)
        if self.task == "classification":
            return Examples(chosen, labels[rows])
        return Examples(chosen, chosen, labels[rows])


def write_pixels(
    path: Path, pictures: Iterable[NDArray[np.uint8]], count: int, shape: tuple[int, ...]
) -> None:
    """Write pictures one after the other, unless they are there already."""
    size = count * int(np.prod(shape))
    if path.is_file() and path.stat().st_size == size:
        return
    with whole_file(path) as temporary, temporary.open("wb") as file:
        for picture in pictures:
            file.write(picture.tobytes())


def read_pixels(path: Path, shape: tuple[int, ...], rows: Rows) -> Features:
    """Pictures of these rows, float32, 0 to 255.

    Read, not mapped: mapped pages would count as this process's memory as long as there is any.
    """
    size = int(np.prod(shape))
    pixels = np.empty((len(rows), *shape), np.float32)
    with path.open("rb") as file:
        for position, row in enumerate(rows):
            content = os.pread(file.fileno(), size, int(row) * size)
            pixels[position] = np.frombuffer(content, np.uint8).reshape(shape)
    return pixels
