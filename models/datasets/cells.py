"""What the cells of a table mean: numbers, dates, nothing."""

import re

from kerasearch.models.datasets.labels import parse_number

MISSING = frozenset({"", "na", "n/a", "nan", "null"})
"""Ways to write that there is no value, in lower case."""

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))"
    r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?(Z|[-+]\d{2}:?\d{2})?)?"
)


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def parse_quantity(cell: str) -> float | None:
    """The number that a cell is, with or without thousands separators; None for anything else."""
    number = parse_number(cell)
    if number is None and _THOUSANDS.fullmatch(cell):
        return parse_number(cell.replace(",", ""))
    return number


def is_date(cell: str) -> bool:
    """Whether a cell looks like a date, in any common order of its parts."""
    return _DATE.fullmatch(cell) is not None
