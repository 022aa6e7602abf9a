"""CSV files: what each column holds, and the dataset that some columns make."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from math import isnan
from pathlib import Path
from sys import getsizeof

import numpy as np

from kerasearch.models.datasets.columns import (
    Selection,
    check_columns,
    column_classes,
    select_columns,
    unusable_features,
)
from kerasearch.models.datasets.csv_rows import Row, detect_delimiter, read_rows, refuse
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.info import MAX_CLASSES, Cell, Column, DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import LARGEST, index_labels, parse_number
from kerasearch.searchspaces.problems import InvalidInput

MISSING = frozenset({"", "na", "n/a", "nan", "null"})
"""Ways to write that there is no value, in lower case."""

_BLOCK = 1 << 23  # bytes of cells: enough to work by columns, too few to matter in memory
_EXCERPT = 80  # characters of a cell that a message repeats


def inspect_csv(path: Path, kind: Kind, schema: Schema) -> DatasetInfo:
    """What a CSV file holds, in one pass and little memory.

    Raises:
        InvalidInput: At `/file` or `/kind`, or inside `/schema`.
    """
    if kind == "image":
        raise InvalidInput.at("/kind", "images come as an NPZ file, not as CSV")
    delimiter = detect_delimiter(path)
    with closing(read_rows(path, delimiter)) as rows_read:
        first = next((row.cells for row in rows_read), None)
    if first is None:
        refuse("the file is empty")
    header = _is_header(first, schema.target) if schema.header is None else schema.header
    rows, columns = _scan(path, delimiter, header, _names(first, header))
    warnings = []
    if schema.header is None and not header:
        warnings.append(
            "the first line is taken as data because it holds a number; "
            "if it names the columns, say so in the schema: header true"
        )
    shape = class_counts = None
    try:
        if schema.target is None:
            check_columns(columns, schema.drop)
        else:
            selection = select_columns(columns, schema.target, schema.drop)
            class_counts = column_classes(columns[selection.target])
            unusable = list(unusable_features(columns, selection))
            warnings += unusable
            shape = None if unusable else selection.example_shape(kind)
    except InvalidInput as error:
        raise error.under("/schema") from None
    return DatasetInfo(
        format="csv",
        kind=kind,
        rows=rows,
        shape=shape,
        target=schema.target,
        drop=schema.drop,
        class_counts=class_counts,
        columns=columns,
        delimiter=delimiter,
        header=header,
        warnings=tuple(warnings),
    )


def load_csv(path: Path, info: DatasetInfo, selection: Selection) -> Dataset:
    """The dataset that columns of a file make, once `usable` found nothing against them."""
    assert info.columns is not None and info.delimiter is not None  # noqa: S101, PT018 - it is CSV
    target = info.columns[selection.target]
    classes = column_classes(target)
    index = index_labels(target.values or ())
    x = np.empty((info.rows, len(selection.features)), np.float32)
    y = np.empty(info.rows, np.int64)
    with _data_rows(path, info.delimiter, info.header is True) as rows:
        for i, (_, cells) in enumerate(rows):
            x[i] = [float(cells[column]) for column in selection.features]
            y[i] = index[cells[selection.target]]
    return Dataset(
        kind=info.kind,
        x=x.reshape(info.rows, *selection.example_shape(info.kind)),
        y=y,
        classes=tuple(classes),
        features=tuple(info.columns[column].name for column in selection.features),
    )


def _is_header(first: Sequence[str], target: str | None) -> bool:
    return target in first or all(parse_number(cell) is None for cell in first)


def _names(first: Sequence[str], header: bool) -> list[str]:
    """Columns without a name in the file are named by their place, from 1."""
    names = [
        (cell if header else "") or f"column_{place}" for place, cell in enumerate(first, start=1)
    ]
    if len(names) < 2:
        refuse("there is one column only; at least two are needed, with , ; or tab between")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        refuse(f"column name {repeated[0]!r} stands more than once; every column needs its own")
    return names


@contextmanager
def _data_rows(path: Path, delimiter: str, header: bool) -> Iterator[Iterator[Row]]:
    """The rows below the header; the file is closed with the block, also when a row is refused."""
    with closing(read_rows(path, delimiter)) as rows:
        yield islice(rows, 1 if header else 0, None)


def _scan(
    path: Path, delimiter: str, header: bool, names: Sequence[str]
) -> tuple[int, tuple[Column, ...]]:
    scans = [_ColumnScan(name) for name in names]
    rows = 0
    with _data_rows(path, delimiter, header) as data_rows:
        for block in _blocks(data_rows):
            rows += len(block)
            lines = [row.line for row in block]
            columns = zip(*(row.cells for row in block), strict=True)
            for scan, cells in zip(scans, columns, strict=True):
                scan.add(lines, cells)
    if not rows:
        refuse("there is no row of data below the header")
    return rows, tuple(scan.column() for scan in scans)


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    block, size = [], 0
    for row in rows:
        block.append(row)
        size += sum(map(getsizeof, row.cells))
        if size > _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


class _ColumnScan:
    """What was seen of a column so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.missing = 0
        self.text: Cell | None = None
        self.values: Counter[str] | None = Counter()

    def add(self, lines: Sequence[int], cells: Sequence[str]) -> None:
        present = cells
        if self.text is not None or not _all_numbers(cells):
            present = [cell for cell in cells if cell.lower() not in MISSING]
            self.missing += len(cells) - len(present)
            if self.text is None:
                self.text = next(
                    (
                        Cell(line, cell[:_EXCERPT])
                        for line, cell in zip(lines, cells, strict=True)
                        if cell.lower() not in MISSING and parse_number(cell) is None
                    ),
                    None,
                )
        if self.values is not None:
            self.values.update(present)
            if len(self.values) > MAX_CLASSES:
                self.values = None

    def column(self) -> Column:
        return Column(name=self.name, missing=self.missing, text=self.text, values=self.values)


def _all_numbers(cells: Sequence[str]) -> bool:
    """Whether every cell is a number, at a tenth of the cost of asking `parse_number` for each."""
    try:
        numbers = list(map(float, cells))
    except ValueError:
        return False
    return (
        -LARGEST <= min(numbers) <= max(numbers) <= LARGEST
        and not isnan(sum(numbers))  # min and max may miss a NaN
        and "_" not in "".join(cells)
    )
