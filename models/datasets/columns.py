"""Columns of a table: which are features, which one holds the classes, what is wrong with them."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from kerasearch.models.datasets.info import Column, Kind
from kerasearch.models.datasets.labels import count_classes
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown

_GROUPED_OR_COMMA = re.compile(r"[-+]?\d+(,\d+)+(\.\d*)?|[-+]?\d+(\.\d{3})+(,\d*)?")


class Selection(NamedTuple):
    """Columns by position."""

    features: tuple[int, ...]
    target: int

    def example_shape(self, kind: Kind) -> tuple[int, ...]:
        """A table's features, or as many steps of a series of one channel."""
        features = len(self.features)
        return (features, 1) if kind == "sequence" else (features,)


def select_columns(
    columns: Sequence[Column], target: str, drop: Sequence[str], dropped: Collection[str] = ()
) -> Selection:
    """Every column but the target and the dropped ones is a feature.

    Args:
        columns: All of the file.
        target: Holds the classes.
        drop: No features; each must be a column.
        dropped: No features either, and known to be columns.

    Raises:
        InvalidInput: At `/target`, `/drop` or `/drop/0` and so on.
    """
    names = [column.name for column in columns]
    problems = _unknown(names, drop)
    if target not in names:
        problems.append(Problem("/target", unknown("column", target, names)))
    out = {target, *drop, *dropped}
    features = tuple(i for i, name in enumerate(names) if name not in out)
    if not features:
        problems.append(Problem("/drop", "no column is left to learn from: drop fewer"))
    if problems:
        raise InvalidInput(problems)
    return Selection(features, names.index(target))


def check_columns(columns: Sequence[Column], drop: Sequence[str]) -> None:
    """Refuse what can't be dropped, while no target is known.

    Raises:
        InvalidInput: At `/drop/0` and so on.
    """
    if problems := _unknown([column.name for column in columns], drop):
        raise InvalidInput(problems)


def _unknown(names: Sequence[str], drop: Sequence[str]) -> list[Problem]:
    return [
        Problem(pointer_to("drop", i), unknown("column", name, names))
        for i, name in enumerate(drop)
        if name not in names
    ]


def column_classes(column: Column) -> dict[str, int]:
    """Rows of each class in a target column.

    Raises:
        InvalidInput: At `/target`: these values are no classes.
    """
    try:
        return count_classes(f"column {column.name!r}", column.values, column.missing)
    except InvalidInput as error:
        raise error.under("/target") from None


def unusable_features(columns: Sequence[Column], selection: Selection) -> Iterator[str]:
    """A sentence for each thing that keeps a feature from being all numbers."""
    for column in (columns[i] for i in selection.features):
        if column.text is not None:
            line, text = column.text
            advice = (
                "write numbers with a decimal point and no thousands separators"
                if _GROUPED_OR_COMMA.fullmatch(text)
                else "drop the column, or turn it into numbers"
            )
            yield (
                f"column {column.name!r} holds text where numbers belong, first in line {line}, "
                f"{text!r}: {advice}"
            )
        if column.missing:
            yield (
                f"column {column.name!r} has no value in {column.missing} rows: "
                "drop the column, or fill them in"
            )
