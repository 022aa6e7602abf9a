"""What the cells of a table mean: numbers, dates, nothing."""

import re
from datetime import date

from kerasearch.models.datasets.labels import parse_number

MISSING = frozenset({"", "na", "n/a", "nan", "null"})
"""Ways to write that there is no value, in lower case."""

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_DATE = re.compile(
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<year>\d{4}|\d{2}))"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?"
    r"(?: ?(?P<half>[AaPp])[Mm])?(?P<zone>Z|[-+]\d{2}:?\d{2})?)?"
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


def read_date(cell: str) -> tuple[float | None, float | None]:
    """Seconds since some moment, once with the month before the day and once after it.

    They differ for `1/2/2020` alone. None of what is no date; UTC where no zone is said.
    """
    found = _DATE.fullmatch(cell)
    if found is None:
        return None, None
    hour = int(found["hour"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"] in "Pp")
    minutes = 60 * hour + int(found["minute"] or 0) - _zone_minutes(found["zone"] or "Z")
    seconds = 60 * minutes + float(found["second"] or 0)
    if found["y"]:
        whole = _day(found["y"], found["m"], found["d"], seconds)
        return whole, whole
    year, a, b = found["year"], found["a"], found["b"]
    return _day(year, a, b, seconds), _day(year, b, a, seconds)


def _day(year: str, month: str, day: str, seconds: float) -> float | None:
    century = 0 if len(year) == 4 else 1900 if int(year) > 68 else 2000  # as POSIX reads two digits
    try:
        return date(century + int(year), int(month), int(day)).toordinal() * 86400.0 + seconds
    except ValueError:
        return None


def _zone_minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    minutes = 60 * int(zone[1:3]) + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes
