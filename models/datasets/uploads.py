"""Files that people send: what is in them, and the dataset they make."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any, cast, get_args

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.searchspaces.problems import InvalidInput, unknown


@dataclass(frozen=True)
class Reader:
    """What reads files of some endings as some kinds of data.

    Attributes:
        format: What `DatasetInfo.format` calls it.
        kinds: The first one, or what the file tells, where its sender says nothing.
        module: Has `inspect(path, kind, schema) -> DatasetInfo`, where kind may be None, and
            `load(path, info, choice) -> Dataset`.
    """

    format: str
    suffixes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    module: str

    def function(self, name: str) -> Any:  # of a module that is imported on use
        return getattr(import_module(f"kerasearch.models.datasets.{self.module}"), name)


READERS = (
    Reader("csv", (".csv", ".tsv", ".txt"), ("tabular", "sequence"), "csv_file"),
    Reader("npz", (".npz",), ("tabular", "sequence", "image"), "npz_file"),
    Reader("parquet", (".parquet",), ("tabular",), "parquet_file"),
    Reader("series", (".csv", ".tsv", ".txt"), ("series",), "series_file"),
    Reader("text", (".txt",), ("text",), "text_file"),
    Reader("pictures", (".zip",), ("image",), "image_zip"),
    Reader("ratings", (".csv", ".tsv", ".txt"), ("ratings",), "ratings_file"),
    Reader("csr", (".npz",), ("ratings",), "csr_file"),
)
"""Of those that read an ending, the first one does where the sender says no kind."""


def inspect_file(path: Path, filename: str, kind: str | None, schema: Schema) -> DatasetInfo:
    """What a file holds, read as a stream.

    Args:
        path: Where the content lies.
        filename: What its sender called it; the ending says the format.
        kind: None: tabular for CSV and Parquet, by the dimensions of `x` for NPZ, where a sparse
            matrix is ratings.
        schema: What else its sender said.

    Raises:
        InvalidInput: At `/file`, `/kind` or inside `/schema`: it can't become a dataset.
    """
    if kind is not None and kind not in get_args(Kind):
        raise InvalidInput.at("/kind", unknown("kind of data", kind, get_args(Kind)))
    suffix = PurePath(filename).suffix.lower()
    fitting = [reader for reader in READERS if suffix in reader.suffixes]
    if not fitting:
        known = sorted({ending for reader in READERS for ending in reader.suffixes})
        raise InvalidInput.at("/file", f"send a file named {', '.join(known)}, not {filename!r}")
    reader = next((one for one in fitting if kind in (None, *one.kinds)), None)
    if reader is None:
        others = sorted({ending for one in READERS if kind in one.kinds for ending in one.suffixes})
        raise InvalidInput.at(
            "/kind", f"{kind} data come as {' or '.join(others)}, not as {suffix}"
        )
    if schema.size is not None and reader.format != "pictures":
        raise InvalidInput.at("/schema/size", "only pictures have a size to choose")
    info: DatasetInfo = reader.function("inspect")(path, cast(Kind | None, kind), schema)
    return info


def load_file(path: Path, info: DatasetInfo, choice: DataChoice) -> Dataset:
    """The dataset that a job asked for, once `usable` found nothing against it."""
    reader = next(reader for reader in READERS if reader.format == info.format)
    dataset: Dataset = reader.function("load")(path, info, choice)
    return dataset
