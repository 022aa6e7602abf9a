"""What each column of a table holds, seen in one pass and little memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import isnan
from sys import getsizeof

from kerasearch.models.datasets.cells import is_date, is_missing, parse_quantity
from kerasearch.models.datasets.csv_rows import Row
from kerasearch.models.datasets.info import MAX_CLASSES, Cell, Column, ColumnType
from kerasearch.models.datasets.labels import LARGEST
from kerasearch.models.datasets.refusal import refuse

_BLOCK = 1 << 23  # bytes of cells: enough to work by columns, too few to matter in memory
_EXCERPT = 80  # characters of a cell that a message repeats


def scan_columns(names: Sequence[str], rows: Iterable[Row]) -> tuple[int, tuple[Column, ...]]:
    """How many rows there are, and what was seen in each column.

    Raises:
        InvalidInput: At `/file`: there is none, or one alone.
    """
    scans = [_ColumnScan(name) for name in names]
    count = 0
    for block in _blocks(rows):
        count += len(block)
        lines = [row.line for row in block]
        columns = zip(*(row.cells for row in block), strict=True)
        for scan, cells in zip(scans, columns, strict=True):
            scan.add(lines, cells)
    if not count:
        refuse("there is no row of data below the header")
    if count == 1:
        refuse("there is one row of data only: some must train a model, and others judge it")
    return count, tuple(scan.column() for scan in scans)


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
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
        self.rows = 0
        self.missing = 0
        self.text: Cell | None = None
        self.only_dates = True
        self.values: Counter[str] | None = Counter()

    def add(self, lines: Sequence[int], cells: Sequence[str]) -> None:
        self.rows += len(cells)
        present = cells
        if self.text is not None or not _all_numbers(cells):
            present = [cell for cell in cells if not is_missing(cell)]
            self.missing += len(cells) - len(present)
            self.only_dates = self.only_dates and all(map(is_date, present))
            if self.text is None:
                self.text = next(
                    (
                        Cell(line, cell[:_EXCERPT])
                        for line, cell in zip(lines, cells, strict=True)
                        if not is_missing(cell) and parse_quantity(cell) is None
                    ),
                    None,
                )
        else:
            self.only_dates = False
        if self.values is not None:
            self.values.update(present)
            if len(self.values) > MAX_CLASSES:
                self.values = None

    def column(self) -> Column:
        return Column(
            name=self.name,
            missing=self.missing,
            text=self.text,
            values=self.values,
            type=self._type(),
        )

    def _type(self) -> ColumnType:
        if self.missing == self.rows:
            return "empty"
        if self.text is None:
            return "number"
        if self.only_dates:
            return "date"
        return "text" if self.values is None else "category"


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
