"""Whether rows follow each other in time, by a column of dates."""

from collections.abc import Iterable
from typing import Literal

from kerasearch.models.datasets.cells import is_missing, read_date


def date_order(cells: Iterable[str]) -> Literal["up", "down", "mixed"] | None:
    """How a column of dates runs from row to row; None where not all of them can be read.

    Where month and day may be either way round in every row, it is up if one of the ways is.
    """
    last: list[float | None] = [None, None]
    readable, up, down = {0, 1}, {0, 1}, {0, 1}
    for cell in cells:
        if is_missing(cell):
            continue
        for way, moment in enumerate(read_date(cell)):
            if moment is None:
                readable.discard(way)
                continue
            before, last[way] = last[way], moment
            if before is not None and moment < before:
                up.discard(way)
            elif before is not None and moment > before:
                down.discard(way)
    if not readable:
        return None
    return "up" if readable & up else "down" if readable & down else "mixed"
