"""What a saved model makes of lines of ratings: those that are left empty, or codes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.labels import parse_number
from kerasearch.models.datasets.ratings import UNKNOWN
from kerasearch.models.datasets.ratings_file import layout_of, rating_lines
from kerasearch.models.evaluation import PREDICTION_BATCH, predict
from kerasearch.searchspaces.problems import InvalidInput, unknown

if TYPE_CHECKING:
    import keras

Known = Mapping[str, Mapping[int, float]]
"""Of a row, by name: ratings by column."""

Asked = Mapping[str, list[str]]
"""Of a row, by name: the names of columns."""


def predicted_ratings(
    model: "keras.Model", description: dict[str, Any], file: Path
) -> Iterator[tuple[str, str, float]]:
    """User, item and rating of the lines without one, row of the matrix after row.

    Args:
        model: Of ratings.
        description: What its file says of its rows.
        file: CSV; its other lines are what is known of the users, or items, that are asked for.

    Raises:
        InvalidInput: A rating is no number, nothing is asked, or what the model doesn't know.
    """
    places = {name: place for place, name in enumerate(description["columns"])}
    by_user = description["side"] == "user"
    known, asked = _read(file, places, by_user=by_user)
    if not asked:
        raise InvalidInput.at("", "leave the rating empty in lines where it is to be told")
    for name, ratings in _outputs(model, known, asked, len(places)):
        for column in asked[name]:
            pair = (name, column) if by_user else (column, name)
            yield *pair, float(ratings[places[column]])


def rating_codes(
    encoder: "keras.Model", description: dict[str, Any], file: Path
) -> Iterator[list[object]]:
    """Each user, or item, with its code, by what the file says is known."""
    places = {name: place for place, name in enumerate(description["columns"])}
    known, _ = _read(file, places, by_user=description["side"] == "user")
    for name, code in _outputs(encoder, known, known, len(places)):
        yield [name, *code.tolist()]


def _outputs(
    model: "keras.Model", known: Known, asked: Iterable[str], width: int
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """What a model gives for each of the rows asked for."""
    names = iter(asked)
    while batch := list(islice(names, PREDICTION_BATCH)):
        x = np.full((len(batch), width), UNKNOWN, np.float32)
        for row, name in enumerate(batch):
            if name in known:
                x[row, list(known[name])] = list(known[name].values())
        yield from zip(batch, predict(model, x), strict=True)


def _read(file: Path, places: Mapping[str, int], *, by_user: bool) -> tuple[Known, Asked]:
    """Ratings of columns that the model hasn't are left out."""
    known, asked = defaultdict[str, dict[int, float]](dict), defaultdict[str, list[str]](list)
    for line, user, item, text in rating_lines(file, layout_of(file, header=None)):
        row, column = (user, item) if by_user else (item, user)
        number = parse_number(text)
        if text and number is None:
            raise InvalidInput.at("", f"line {line}: {text!r} is no rating; it must be a number")
        if number is not None and column in places:
            known[row][places[column]] = number
        elif not text and column not in places:
            what = "item" if by_user else "user"
            raise InvalidInput.at("", f"line {line}: {unknown(what, column, places)}")
        elif not text:
            asked[row].append(column)
    return known, asked
