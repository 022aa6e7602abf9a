"""Which columns of a table a series is made of."""

from collections.abc import Collection, Sequence

from kerasearch.models.datasets.columns import Selection, check_columns, unusable_features
from kerasearch.models.datasets.info import Column
from kerasearch.searchspaces.problems import InvalidInput, Problem, unknown


def select_channels(
    columns: Sequence[Column], target: str | None, drop: Collection[str]
) -> tuple[int, ...]:
    """Columns by position, the one to forecast first; unsaid, it is the first of numbers.

    Raises:
        InvalidInput: At `/target`, `/drop` or `/drop/0` and so on.
    """
    check_columns(columns, tuple(drop))
    names = [column.name for column in columns]
    if target is not None and target not in names:
        raise InvalidInput.at("/target", unknown("column", target, names))
    if target in drop:
        raise InvalidInput.at("/target", f"column {target!r} is dropped: name another one")
    kept = [
        place
        for place, column in enumerate(columns)
        if column.name == target or (column.holds == "number" and column.name not in drop)
    ]
    if not kept:
        raise InvalidInput.at("/drop", "no column of numbers is left to forecast: drop fewer")
    if target is not None:
        kept.sort(key=lambda place: names[place] != target)  # stable: the others stay as they are
    unusable = unusable_features(columns, Selection(tuple(kept), None))
    if problems := [Problem("/drop", text) for text in unusable]:
        raise InvalidInput(problems)
    return tuple(kept)
