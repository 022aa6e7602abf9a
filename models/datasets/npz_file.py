"""NPZ files as numpy.savez writes them: members x, y, and of sequences that end early lengths."""

import math
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.arrays import Labels, Targets
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.columns import FEW
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import MAX_CLASSES, DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import LARGEST, count_classes, index_labels, parse_number
from kerasearch.models.datasets.npz_archive import (
    MAX_BYTES,
    Array,
    blocks,
    is_sparse,
    load_numbers,
    read_header,
    reading,
)
from kerasearch.models.datasets.padding import NO_LABEL, PADDING, real_steps
from kerasearch.models.datasets.refusal import refuse
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.problems import InvalidInput

_LABEL = 1024  # bytes
_EXAMPLE = 1 << 26  # bytes: of a sequence that may end early

_DIMENSIONS: dict[Kind, int] = {"tabular": 2, "sequence": 3, "image": 4}

_NOT_FINITE = "x holds NaN, infinite or too large values: replace them before sending"


class _Target(NamedTuple):
    """What `y` is: its tasks, the likeliest first, and the rows, or steps, of each label."""

    tasks: tuple[TaskName, ...]
    labels: dict[str, int] | None


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """What an NPZ file holds, without ever holding it.

    Raises:
        InvalidInput: At `/file`, `/kind` or `/schema`.
    """
    if schema != Schema():
        raise InvalidInput.at("/schema", "an NPZ file takes no schema: y is the target")
    with reading(path) as archive:
        if kind is None and is_sparse(archive):
            from kerasearch.models.datasets import csr_file  # which brings scipy

            return csr_file.inspect(path, kind, schema)
        x, y, lengths = _arrays(archive)
        kind, shape = _kind_and_shape(x.shape, kind)
        if lengths is not None and kind != "sequence":
            refuse(f"lengths are of sequences, and this is {kind} data")
        _check_features(archive, x, kind, shape, lengths)
        target = _Target((), None) if y is None else _target(archive, y, kind, shape)
    try:
        class_counts = None if target.labels is None else count_classes("y", target.labels)
    except InvalidInput as error:
        raise error.under("/file") from None
    return DatasetInfo(
        format="npz",
        kind=kind,
        rows=x.shape[0],
        shape=shape,
        target=None if y is None else "y",
        class_counts=class_counts,
        tasks=target.tasks,
        target_shape=() if y is None else y.shape[1:],
    )


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Dataset:
    """The dataset of a file that `inspect` described as `info`."""
    assert info.shape is not None  # noqa: S101 - an NPZ's shape is always known
    with reading(path) as archive:
        x, y, lengths = _arrays(archive)
        features = load_numbers(archive, x).reshape(info.rows, *info.shape)
        if info.kind == "sequence":
            ended = np.isnan(features)
            if lengths is not None:
                ended = _steps_before(_whole(archive, lengths), info.shape[0])[..., np.newaxis] == 0
            features[np.broadcast_to(ended, features.shape)] = PADDING
        targets: Targets | None = None
        classes: dict[str, int] = {}
        if y is not None and choice.task == "regression":
            targets = load_numbers(archive, y)
        elif y is not None and info.class_counts is not None:
            steps = y.shape[1:] != ()
            classes = count_classes("y", _count_labels(archive, y, steps) or {})
            targets = _codes(archive, y, steps)
            if steps:
                targets[~real_steps(features)] = NO_LABEL
    return Dataset(info.kind, features, targets, tuple(classes))


def _arrays(archive: zipfile.ZipFile) -> tuple[Array, Array | None, Array | None]:
    names = sorted(member.filename for member in archive.infolist())
    known = {"x.npy", "y.npy", "lengths.npy"}
    if "x.npy" not in names or not set(names) <= known or len(set(names)) < len(names):
        refuse(
            "the archive must hold x, most often y, and lengths where sequences end early, "
            f"and no more, not {', '.join(names) or 'nothing'}"
        )
    x = read_header(archive, "x")
    y = read_header(archive, "y") if "y.npy" in names else None
    lengths = read_header(archive, "lengths") if "lengths.npy" in names else None
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        refuse(f"x must hold real numbers, not {x.dtype}")
    if y is not None and (y.dtype.kind not in "biufUS" or not 0 < y.dtype.itemsize <= _LABEL):
        refuse(f"y must hold numbers or short strings, not {y.dtype}")
    if lengths is not None and (lengths.dtype.kind not in "iu" or len(lengths.shape) != 1):
        refuse(f"lengths must be whole numbers, shape (n,), not {lengths.dtype}, {lengths.shape}")
    for name, array in (("y", y), ("lengths", lengths)):
        if array is not None and x.shape[:1] != array.shape[:1]:
            refuse(f"x and {name} must have as many rows, not shapes {x.shape} and {array.shape}")
    if math.prod(x.shape) == 0:
        refuse(f"x has shape {x.shape}: there is nothing in it")
    if math.prod(x.shape) * 4 > MAX_BYTES:
        refuse(f"x has shape {x.shape}: more than {MAX_BYTES >> 20} MiB as float32")
    return x, y, lengths


def _kind_and_shape(shape: tuple[int, ...], kind: Kind | None) -> tuple[Kind, tuple[int, ...]]:
    """The kind that `x` is, by its dimensions unless said, and the shape of one example."""
    if kind is None:
        for kind, dimensions in _DIMENSIONS.items():
            if dimensions == len(shape):
                return kind, shape[1:]
        refuse(f"x must have 2 dimensions (tabular), 3 (sequence) or 4 (image), not shape {shape}")
    missing = _DIMENSIONS[kind] - len(shape)
    if missing == 0:
        return kind, shape[1:]
    if missing == 1 and kind != "tabular":
        return kind, (*shape[1:], 1)  # the one channel that was left out
    raise InvalidInput.at(
        "/kind", f"{kind} data has {_DIMENSIONS[kind]} dimensions, rows first, not shape {shape}"
    )


def _check_features(
    archive: zipfile.ZipFile, x: Array, kind: Kind, shape: tuple[int, ...], lengths: Array | None
) -> None:
    """Refuse what is no number, but for steps after the end of a sequence."""
    size = math.prod(shape)
    if kind != "sequence" or x.fortran or size * x.dtype.itemsize > _EXAMPLE:
        if lengths is not None:
            refuse("x with lengths must be stored row by row: numpy.ascontiguousarray(x)")
        for block in blocks(archive, x):
            # Not `>`: a comparison with NaN is false.
            if not np.abs(block.astype(np.float64)).max() <= LARGEST:
                refuse(_NOT_FINITE)
        return
    steps = None if lengths is None else _whole(archive, lengths)
    if steps is not None and not 1 <= steps.min() <= steps.max() <= shape[0]:
        refuse(f"lengths must be from 1 to {shape[0]}, the steps of x")
    start = 0
    for block in blocks(archive, x, size):
        rows = block.astype(np.float64).reshape(-1, *shape)
        if steps is None:
            real = np.asarray(~np.isnan(rows).all(axis=2))
        else:
            real = _steps_before(steps[start : start + len(rows)], shape[0])
        if not np.abs(rows[real]).max(initial=0) <= LARGEST:
            refuse(_NOT_FINITE)
        if not real[:, 0].all() or (np.diff(real.astype(np.int8), axis=1) > 0).any():
            refuse("x has NaN within a sequence: only steps after its end may be NaN, all of each")
        start += len(rows)


def _steps_before(lengths: Labels, steps: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(steps) < lengths[:, np.newaxis])


def _whole(archive: zipfile.ZipFile, array: Array) -> Labels:
    return np.concatenate([block.astype(np.int64) for block in blocks(archive, array)])


def _target(archive: zipfile.ZipFile, y: Array, kind: Kind, shape: tuple[int, ...]) -> _Target:
    if len(y.shape) == 1:
        labels = _count_labels(archive, y, steps=False)
        if y.dtype.kind in "bUS":
            return _Target(("classification",), labels or _too_many())
        if labels is None:
            _check_numbers(archive, y)
            return _Target(("regression",), None)
        numbers = [parse_number(label) for label in labels]
        whole = all(number is not None and number.is_integer() for number in numbers)
        if whole or len(numbers) <= FEW:
            return _Target(("classification", "regression"), labels)
        _check_numbers(archive, y)
        return _Target(("regression",), None)
    if len(y.shape) == 2 and kind == "sequence" and y.shape[1] == shape[0]:
        return _Target(("step_labelling",), _count_labels(archive, y, steps=True) or _too_many())
    # Whole numbers in one column are more likely labels, as Keras gives those of CIFAR-10.
    kinds = "iuf" if y.shape[1:] > (1,) else "f"
    if len(y.shape) != 2 or y.dtype.kind not in kinds or _is_one_hot(archive, y):
        refuse(f"y must have shape (n,), not {y.shape}: save y.argmax(axis=1) if it is one-hot")
    _check_numbers(archive, y)
    return _Target(("regression",), None)


def _too_many() -> dict[str, int]:
    """Refuses labels that are too many to be classes."""
    try:
        return count_classes("y", None)
    except InvalidInput as error:
        raise error.under("/file") from None


def _is_one_hot(archive: zipfile.ZipFile, y: Array) -> bool:
    return all(np.isin(block, (0, 1)).all() for block in blocks(archive, y))


def _check_numbers(archive: zipfile.ZipFile, y: Array) -> None:
    for block in blocks(archive, y):
        if not np.abs(block.astype(np.float64)).max(initial=0) <= LARGEST:
            refuse("y holds NaN, infinite or too large values: every row needs a number")


def _count_labels(archive: zipfile.ZipFile, y: Array, steps: bool) -> dict[str, int] | None:
    """Rows, or steps, of each label; None where there are more than `MAX_CLASSES`."""
    counts: Counter[str] = Counter()
    for block in blocks(archive, y):
        values, rows = np.unique(block, return_counts=True)
        if len(values) > MAX_CLASSES + 1:
            return None
        for label, count in zip(_texts(values, steps), rows.tolist(), strict=True):
            if label is not None:
                counts[label] += count
    return dict(counts) if len(counts) <= MAX_CLASSES else None


def _codes(archive: zipfile.ZipFile, y: Array, steps: bool) -> Labels:
    """Each label's class; `NO_LABEL` for a step that has none."""
    index = index_labels(_count_labels(archive, y, steps) or {})
    flat = np.concatenate([_classes(block, index, steps) for block in blocks(archive, y)])
    return flat.reshape(y.shape[::-1]).T if y.fortran else flat.reshape(y.shape)


def _classes(block: NDArray[np.generic], index: dict[str, int], steps: bool) -> Labels:
    values, places = np.unique(block, return_inverse=True)
    codes = [NO_LABEL if text is None else index[text] for text in _texts(values, steps)]
    return np.array(codes, np.int64)[places]


def _texts(values: NDArray[np.generic], steps: bool) -> Iterator[str | None]:
    """Labels as a person writes them: 3.0 is '3'; None for what says that a step has none."""
    try:
        if values.dtype.kind == "S":
            values = values.astype(np.str_)
        labels = values.tolist()
    except ValueError as error:  # bytes that aren't ASCII, code points that aren't Unicode
        raise InvalidInput.at("/file", "y holds strings that aren't text") from error
    for label in labels:
        text = str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
        if steps and text in ("", "nan", str(NO_LABEL)):
            yield None
        elif text in ("", "nan"):
            refuse("y has rows without a label; every row needs one")
        else:
            yield text
