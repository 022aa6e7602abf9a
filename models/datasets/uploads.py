"""Files that people send: what is in them, and the dataset they make."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import cast, get_args

from kerasearch.models.datasets.columns import select_columns
from kerasearch.models.datasets.csv_file import inspect_csv, load_csv
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.npz_file import inspect_npz, load_npz
from kerasearch.searchspaces.problems import InvalidInput, unknown

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")


def inspect_file(path: Path, filename: str, kind: str | None, schema: Schema) -> DatasetInfo:
    """What a file holds, read as a stream.

    Args:
        path: Where the content lies.
        filename: What its sender called it; the ending says the format.
        kind: None: tabular for CSV, by the dimensions of `x` for NPZ.
        schema: What else its sender said.

    Raises:
        InvalidInput: At `/file`, `/kind` or inside `/schema`: it can't become a dataset.
    """
    if kind is not None and kind not in get_args(Kind):
        raise InvalidInput.at("/kind", unknown("kind of data", kind, get_args(Kind)))
    known_kind = cast(Kind | None, kind)
    suffix = PurePath(filename).suffix.lower()
    if suffix in TEXT_SUFFIXES:
        return inspect_csv(path, known_kind or "tabular", schema)
    if suffix != ".npz":
        raise InvalidInput.at("/file", f"send a file named .csv or .npz, not {filename!r}")
    if schema != Schema():
        raise InvalidInput.at("/schema", "an NPZ file takes no schema: y is the target")
    return inspect_npz(path, known_kind)


def load_file(path: Path, info: DatasetInfo, *, target: str | None, drop: Sequence[str]) -> Dataset:
    """The dataset that a job asked for, once `usable` found nothing against it."""
    if info.columns is None:
        return load_npz(path, info)
    target = target if target is not None else info.target
    if target is None:
        raise ValueError("a CSV file needs a target; `usable` refuses a job without one")
    return load_csv(path, info, select_columns(info.columns, target, drop, info.drop))
