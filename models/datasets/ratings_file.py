"""CSV files of ratings: a user, an item and a number a line."""

from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.csv_file import data_rows
from kerasearch.models.datasets.csv_rows import detect_delimiter, read_rows
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import parse_number
from kerasearch.models.datasets.ratings import MAX_RATINGS, Ratings, check_size
from kerasearch.models.datasets.refusal import refuse
from kerasearch.searchspaces.problems import InvalidInput

COLUMNS = ("user", "item", "rating")


class Layout(NamedTuple):
    """How lines of ratings are to be read.

    Attributes:
        header: The first line names the columns.
        places: Of user, item and rating in a line.
    """

    delimiter: str
    header: bool
    places: tuple[int, int, int]


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """Who rated what, in one pass.

    Raises:
        InvalidInput: At `/file` or `/schema`.
    """
    if schema.model_copy(update={"header": None}) != Schema():
        raise InvalidInput.at(
            "/schema", "ratings take no schema but header: their columns are user, item, rating"
        )
    layout = layout_of(path, schema.header)
    return _read(path, layout).described(
        "ratings", delimiter=layout.delimiter, header=layout.header
    )


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Ratings:
    return _read(path, layout_of(path, info.header))


def layout_of(path: Path, header: bool | None) -> Layout:
    """How the lines are to be read: columns are found by name; else they are the first three.

    Args:
        path: The file.
        header: Whether the first line names the columns; None: if its third cell holds no number.
    """
    delimiter = detect_delimiter(path)
    with closing(read_rows(path, delimiter)) as rows:
        first = next(rows).cells
    if len(first) < len(COLUMNS):
        refuse(f"there are {len(first)} columns; a line of ratings has a user, an item, a rating")
    if header is None:
        header = first[2] != "" and parse_number(first[2]) is None
    if not header:
        return Layout(delimiter, False, (0, 1, 2))
    names = [_plain(cell) for cell in first]
    if set(COLUMNS) <= set(names):
        user, item, rating = map(names.index, COLUMNS)
        return Layout(delimiter, True, (user, item, rating))
    if "rating" in names and names[2] != "rating":
        refuse(f"name the columns user, item and rating, not {', '.join(first)}")
    return Layout(delimiter, True, (0, 1, 2))


def _plain(name: str) -> str:
    """`userId` and `user_id` are the user."""
    return name.lower().removesuffix("id").removesuffix("_")


def rating_lines(path: Path, layout: Layout) -> Iterator[tuple[int, str, str, str]]:
    """Each line's number, user, item and rating, as they stand there.

    Raises:
        InvalidInput: At `/file`: a line without a user or an item, or no CSV.
    """
    with data_rows(path, layout.delimiter, layout.header) as found:
        for line, cells in found:
            user, item, rating = (cells[place] for place in layout.places)
            if not user or not item:
                refuse(f"line {line} has no {'item' if user else 'user'}: every rating needs both")
            yield line, user, item, rating


def _read(path: Path, layout: Layout) -> Ratings:
    users, items = dict[str, int](), dict[str, int]()
    lines, rows, columns, numbers = array("q"), array("i"), array("i"), array("f")
    for line, user, item, rating in rating_lines(path, layout):
        number = parse_number(rating)
        if number is None:
            refuse(f"line {line}: {rating!r} is no rating; it must be a number")
        if len(numbers) == MAX_RATINGS:
            refuse(f"there are more than {MAX_RATINGS:,} ratings: send a sample of them")
        lines.append(line)
        rows.append(users.setdefault(user, len(users)))
        columns.append(items.setdefault(item, len(items)))
        numbers.append(number)
    user_of, item_of = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    if (again := _repeated(user_of * len(items) + item_of)) is not None:
        user, item = list(users)[user_of[again]], list(items)[item_of[again]]
        refuse(f"line {lines[again]}: {user!r} has rated {item!r} before; keep one of both ratings")
    check_size(len(users), len(items), len(numbers))
    matrix = csr_matrix((np.asarray(numbers), (user_of, item_of)), (len(users), len(items)))
    return Ratings.of(matrix, tuple(users), tuple(items))


def _repeated(pairs: Rows) -> int | None:
    """The first line's place whose pair was there before."""
    order = np.argsort(pairs, kind="stable")
    again = order[1:][np.diff(pairs[order]) == 0]
    return int(again.min()) if len(again) else None
