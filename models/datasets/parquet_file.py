"""Parquet files: read batch by batch as the text that a CSV file of them would hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.column_scan import scan_columns
from kerasearch.models.datasets.csv_rows import MAX_COLUMNS, Row
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.refusal import refuse
from kerasearch.models.datasets.tables import describe_table, read_table
from kerasearch.searchspaces.problems import InvalidInput

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MAX_CELLS = 1 << 28
"""As many are a GiB of features; a file of a few bytes may claim any number of equal ones."""

_BATCH = 4096


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """What a Parquet file holds.

    Raises:
        InvalidInput: At `/file`, or inside `/schema`.
    """
    with _reading(path) as file:
        rows, columns = scan_columns(file.schema_arrow.names, _rows(file))
    return describe_table("parquet", kind or "tabular", rows, columns, schema)


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Dataset:
    """The dataset that columns of a file make, once `usable` found nothing against it."""
    with _reading(path) as file:
        return read_table(info, choice, (cells for _, cells in _rows(file)))


def read_parquet(path: Path) -> Iterator[Row]:
    """The names of the columns, then every row."""
    with _reading(path) as file:
        yield Row(0, list(file.schema_arrow.names))
        yield from _rows(file)


def _rows(file: "ParquetFile") -> Iterator[Row]:
    """Every row as text, numbered from 1."""
    number = 0
    for batch in file.iter_batches(_BATCH):
        columns = [[_text(value) for value in column.to_pylist()] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            number += 1
            yield Row(number, list(cells))


@contextmanager
def _reading(path: Path) -> "Iterator[ParquetFile]":
    from pyarrow import ArrowException  # 40 MB: whoever never sees such a file does without
    from pyarrow.parquet import ParquetFile
    from pyarrow.types import is_nested

    try:
        with ParquetFile(path) as file:
            fields = list(file.schema_arrow)
            nested = [field.name for field in fields if is_nested(field.type)]
            if nested:
                refuse(f"column {nested[0]!r} holds lists or records; a cell holds one value")
            if len({field.name for field in fields}) < max(2, len(fields)):
                refuse("there must be two columns at least, each with a name of its own")
            if len(fields) > MAX_COLUMNS:
                refuse(f"{len(fields)} columns are more than {MAX_COLUMNS}")
            if (cells := file.metadata.num_rows * len(fields)) > MAX_CELLS:
                refuse(f"it has {cells:,} cells, more than {MAX_CELLS:,}")
            yield file
    except (ArrowException, OSError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise InvalidInput.at("/file", f"it can't be read as Parquet: {first_line}") from error


def _text(value: Any) -> str:  # of any of Parquet's types
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()
