"""CSV files: what each column holds, and the dataset that some columns make."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from kerasearch.models.datasets.cells import is_missing
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.column_scan import scan_columns
from kerasearch.models.datasets.csv_rows import Row, detect_delimiter, read_rows
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import Column, DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import parse_number
from kerasearch.models.datasets.refusal import refuse
from kerasearch.models.datasets.tables import describe_table, read_table


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """What a CSV file holds, in one pass and little memory.

    Raises:
        InvalidInput: At `/file`, or inside `/schema`.
    """
    table = scan_table(path, schema)
    ends_early = kind == "sequence" and _ends_early(path, table, schema)
    return describe_table(
        "csv",
        kind or "tabular",
        table.rows,
        table.columns,
        schema,
        table.warnings,
        ends_early=ends_early,
    ).model_copy(update={"delimiter": table.delimiter, "header": table.header})


def _ends_early(path: Path, table: "ScannedTable", schema: Schema) -> bool:
    """Whether some rows end in empty cells, and none has an empty cell before a number."""
    steps = [
        place
        for place, column in enumerate(table.columns)
        if column.name not in (schema.target, *schema.dropped)
    ]
    if schema.target is None or not any(table.columns[place].missing for place in steps):
        return False
    with data_rows(path, table.delimiter, table.header) as rows:
        for _, cells in rows:
            gaps = [is_missing(cells[place]) for place in steps]
            if gaps[0] or gaps != sorted(gaps):
                return False
    return True


class ScannedTable(NamedTuple):
    """A CSV file as far as no kind of data matters.

    Attributes:
        header: Whether the first line names the columns.
        warnings: Sentences for a person.
    """

    rows: int
    columns: tuple[Column, ...]
    delimiter: str
    header: bool
    warnings: tuple[str, ...]


def scan_table(path: Path, schema: Schema, least: int = 2) -> ScannedTable:
    """What each column holds.

    Args:
        path: The file.
        schema: What its sender said.
        least: Columns that there must be.

    Raises:
        InvalidInput: At `/file`.
    """
    delimiter = detect_delimiter(path)
    with closing(read_rows(path, delimiter)) as rows_read:
        first = next((row.cells for row in rows_read), None)
    if first is None:
        refuse("the file is empty")
    header = _is_header(first, schema.target) if schema.header is None else schema.header
    with data_rows(path, delimiter, header) as found:
        rows, columns = scan_columns(_names(first, header, least), found)
    warnings: tuple[str, ...] = ()
    if schema.header is None and not header:
        warnings = (
            "the first line is taken as data because it holds a number; "
            "if it names the columns, say so in the schema: header true",
        )
    return ScannedTable(rows, columns, delimiter, header, warnings)


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Dataset:
    """The dataset that columns of a file make, once `usable` found nothing against it."""
    assert info.delimiter is not None  # noqa: S101 - it is CSV
    with data_rows(path, info.delimiter, info.header is True) as rows:
        return read_table(info, choice, (cells for _, cells in rows))


def _is_header(first: Sequence[str], target: str | None) -> bool:
    return target in first or all(parse_number(cell) is None for cell in first)


def _names(first: Sequence[str], header: bool, least: int) -> list[str]:
    """Columns without a name in the file are named by their place, from 1."""
    names = [
        (cell if header else "") or f"column_{place}" for place, cell in enumerate(first, start=1)
    ]
    if len(names) < least:
        refuse("there is one column only; at least two are needed, with , ; or tab between")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        refuse(f"column name {repeated[0]!r} stands more than once; every column needs its own")
    return names


@contextmanager
def data_rows(path: Path, delimiter: str, header: bool) -> Iterator[Iterator[Row]]:
    """The rows below the header; the file is closed with the block, also when a row is refused."""
    with closing(read_rows(path, delimiter)) as rows:
        yield islice(rows, 1 if header else 0, None)
