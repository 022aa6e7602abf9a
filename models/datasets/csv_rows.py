"""The rows of a CSV file as text: streamed, all of one width, refused where they aren't."""

import csv
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from kerasearch.models.datasets.refusal import refuse

DELIMITERS = (",", ";", "\t")
MAX_COLUMNS = 4096
MAX_ROW = 1 << 18  # characters


class Row(NamedTuple):
    """A record, and the line where it ends: a quoted cell may span several."""

    line: int
    cells: list[str]


def detect_delimiter(path: Path) -> str:
    """The delimiter that cuts the first line into most cells."""
    with closing(_lines(path)) as lines:
        first = next((line for line in lines if line.strip()), None)
    if first is None:
        refuse("the file is empty")
    return max(DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign))))


def read_rows(path: Path, delimiter: str) -> Generator[Row, None, None]:
    """Every row but blank ones, cells without surrounding blanks; close it where it may not end.

    Of one column alone a blank row is an empty cell, but for blank lines at both ends of the file.

    Raises:
        InvalidInput: At `/file`: not UTF-8 text, a row too long, a row wider or narrower than the
            first, quotes that don't close.
    """
    with closing(_lines(path)) as lines:
        yield from _rows(lines, delimiter)


def _rows(source: Iterator[str], delimiter: str) -> Iterator[Row]:
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for number, line in enumerate(source, start=1):
            taken += len(line)
            if taken > MAX_ROW:
                refuse(f"the row at line {number} is longer than {MAX_ROW} characters")
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    width = blank = last_blank = 0
    try:
        for record in reader:
            taken = 0
            cells = list(map(str.strip, record))
            if cells in ([], [""]):
                if width != 1:
                    continue
                if record != [""]:  # which is `""`, as pandas writes NaN
                    blank, last_blank = blank + 1, reader.line_num
                    continue
                cells = [""]
            width = width or len(cells)
            if len(cells) != width:
                refuse(
                    f"line {reader.line_num} has {len(cells)} cells, the first row {width}: "
                    "every row needs as many"
                )
            if width > MAX_COLUMNS:
                refuse(f"{width} columns are more than {MAX_COLUMNS}: send them as an NPZ file")
            for line in range(last_blank - blank + 1, last_blank + 1):
                yield Row(line, [""])
            blank = 0
            yield Row(reader.line_num, cells)
    except csv.Error as error:
        refuse(f"line {reader.line_num} can't be read as CSV: {error}")


def _lines(path: Path) -> Generator[str, None, None]:
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Not by iteration, which would hold a line of any length in memory.
            while line := file.readline(MAX_ROW + 1):
                number += 1
                if "\0" in line:
                    refuse(f"line {number} holds a NUL character: save the file as UTF-8 text")
                yield line
    except UnicodeDecodeError:
        place, byte = _foreign_byte(path)
        refuse(f"line {place} holds byte 0x{byte:02x}, no UTF-8: save the file as UTF-8 text")


def _foreign_byte(path: Path) -> tuple[int, int]:
    """The first byte that isn't UTF-8, and its line: text is decoded some lines ahead."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = enumerate(iter(lambda: file.readline(MAX_ROW), ""), start=1)
        escaped = ((n, sign) for n, line in lines for sign in line if "\udc80" <= sign <= "\udcff")
        place, escape = next(escaped)
    return place, ord(escape) - 0xDC00
