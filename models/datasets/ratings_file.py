"""CSV files of ratings: a user, an item and a number a line."""

from array import array
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.csv_file import data_rows
from kerasearch.models.datasets.csv_rows import detect_delimiter, read_rows, refuse
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import parse_number
from kerasearch.models.datasets.ratings import MAX_RATINGS, Ratings, check_size
from kerasearch.searchspaces.problems import InvalidInput

COLUMNS = ("user", "item", "rating")

Places = tuple[int, int, int]
"""Of the user, the item and the rating in a line."""


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """Who rated what, in one pass.

    Raises:
        InvalidInput: At `/file` or `/schema`.
    """
    if schema.model_copy(update={"header": None}) != Schema():
        raise InvalidInput.at(
            "/schema", "ratings take no schema but header: their columns are user, item, rating"
        )
    delimiter = detect_delimiter(path)
    header, places = _columns(path, delimiter, schema.header)
    ratings = _read(path, delimiter, header, places)
    return ratings.described("ratings", delimiter=delimiter, header=header)


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Ratings:
    assert info.delimiter is not None  # noqa: S101 - it is CSV
    header, places = _columns(path, info.delimiter, info.header)
    return _read(path, info.delimiter, header, places)


def _columns(path: Path, delimiter: str, header: bool | None) -> tuple[bool, Places]:
    """Whether the first line names the columns, and where those are that count.

    They are found by name; else they are the first three.
    """
    rows = read_rows(path, delimiter)
    first = next(rows).cells
    rows.close()
    if len(first) < len(COLUMNS):
        refuse(f"there are {len(first)} columns; a line of ratings has a user, an item, a rating")
    if header is None:
        header = parse_number(first[2]) is None
    if not header:
        return False, (0, 1, 2)
    names = [_plain(cell) for cell in first]
    if set(COLUMNS) <= set(names):
        user, item, rating = map(names.index, COLUMNS)
        return True, (user, item, rating)
    if "rating" in names and names[2] != "rating":
        refuse(f"name the columns user, item and rating, not {', '.join(first)}")
    return True, (0, 1, 2)


def _plain(name: str) -> str:
    """`userId` and `user_id` are the user."""
    return name.lower().removesuffix("id").removesuffix("_")


def _read(path: Path, delimiter: str, header: bool, places: Places) -> Ratings:
    users, items = dict[str, int](), dict[str, int]()
    lines, rows, columns, numbers = array("q"), array("i"), array("i"), array("f")
    with data_rows(path, delimiter, header) as found:
        for line, cells in found:
            user, item, rating = (cells[place] for place in places)
            number = parse_number(rating)
            if not user or not item:
                refuse(f"line {line} has no {'item' if user else 'user'}: every rating needs both")
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
