"""Columns of a table: which are features, which one is the target, what is wrong with them."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from kerasearch.models.datasets.cells import parse_quantity
from kerasearch.models.datasets.info import MAX_CLASSES, Column, Kind
from kerasearch.models.datasets.labels import count_classes
from kerasearch.models.tasks import OF_ROWS_ALONE, TaskName
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown

_COMMA = re.compile(r"[-+]?\d+(,\d+)+(\.\d*)?|[-+]?\d+(\.\d{3})+(,\d*)?")

FEW = 20
"""Distinct numbers, at most, that are more likely classes than a quantity when not all whole."""


class Selection(NamedTuple):
    """Columns by position; no target where rows alone are learned from."""

    features: tuple[int, ...]
    target: int | None

    def example_shape(self, kind: Kind) -> tuple[int, ...]:
        """A table's features, or as many steps of a series of one channel."""
        features = len(self.features)
        return (features, 1) if kind == "sequence" else (features,)


def select_columns(
    columns: Sequence[Column],
    target: str | None,
    drop: Sequence[str],
    dropped: Collection[str] = (),
    kind: Kind = "tabular",
) -> Selection:
    """Every column but the target and the dropped ones is a feature.

    Args:
        columns: All of the file.
        target: To be predicted.
        drop: No features; each must be a column.
        dropped: No features either, and known to be columns.
        kind: Of a table, columns of dates and of arbitrary texts are no features.

    Raises:
        InvalidInput: At `/target`, `/drop` or `/drop/0` and so on.
    """
    names = [column.name for column in columns]
    problems = _unknown(names, drop)
    if target is not None and target not in names:
        problems.append(Problem("/target", unknown("column", target, names)))
    elif target in drop:
        detail = f"{target!r} is the target: drop another column, or predict another one"
        problems.append(Problem(pointer_to("drop", drop.index(target)), detail))
    out = {target, *drop, *dropped}
    features = tuple(
        i
        for i, column in enumerate(columns)
        if column.name not in out and (kind != "tabular" or column.holds in ("number", "category"))
    )
    if not features:
        problems.append(Problem("/drop", "no column is left to learn from: drop fewer"))
    if problems:
        raise InvalidInput(problems)
    return Selection(features, None if target is None else names.index(target))


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


def column_tasks(column: Column) -> tuple[TaskName, ...]:
    """What a column can be the target of, the likeliest first.

    Texts are classes. Numbers are classes where they are few, or whole and at most `MAX_CLASSES`;
    otherwise they are a quantity.
    """
    if column.text is not None:
        return ("classification",)
    if column.values is None:
        return ("regression",)
    numbers = [parse_quantity(text) for text in column.values]
    whole = all(number is not None and number == int(number) for number in numbers)
    if len(numbers) <= FEW or whole:
        return ("classification", "regression")
    return ("regression", "classification")


def is_name(column: Column, task: TaskName | None) -> bool:
    """Whether classes are no more than a name for what comes out of rows that are learned alone."""
    possible = column_tasks(column)
    return task in OF_ROWS_ALONE and possible[0] == "classification" and not column.missing


def column_classes(column: Column) -> dict[str, int]:
    """Rows of each class in a target column.

    Raises:
        InvalidInput: At `/target`: these values are no classes.
    """
    try:
        return count_classes(f"column {column.name!r}", column.values, column.missing)
    except InvalidInput as error:
        raise error.under("/target") from None


def check_quantity(column: Column) -> None:
    """Refuse a target that isn't a number in every row.

    Raises:
        InvalidInput: At `/target`.
    """
    if column.text is not None:
        line, text = column.text
        raise InvalidInput.at(
            "/target",
            f"column {column.name!r} holds text where numbers belong, first in line {line}, "
            f"{text!r}: name another target, or say task: classification",
        )
    if column.missing:
        raise InvalidInput.at(
            "/target",
            f"column {column.name!r} is empty in {column.missing} rows; every row needs a number",
        )


def unusable_features(
    columns: Sequence[Column], selection: Selection, *, ends_early: bool = False
) -> Iterator[str]:
    """A sentence for each thing that keeps a step of a series from being a number, or none."""
    for column in (columns[i] for i in selection.features):
        if column.text is not None:
            line, text = column.text
            advice = (
                "write numbers with a decimal point"
                if _COMMA.fullmatch(text)
                else "drop the column, or turn it into numbers"
            )
            yield (
                f"column {column.name!r} holds text where numbers belong, first in line {line}, "
                f"{text!r}: {advice}"
            )
        if column.missing and not ends_early:
            yield (
                f"column {column.name!r} has no value in {column.missing} rows: "
                "drop the column, or fill them in"
            )


def column_warnings(columns: Sequence[Column], apart: Collection[str]) -> Iterator[str]:
    """A sentence for each column of a table that isn't used as it may have been meant.

    Args:
        columns: All of the file.
        apart: Names of those that their sender said something of.
    """
    for column in columns:
        if column.name in apart:
            continue
        line, text = column.text or (0, "")
        match column.type:
            case "date":
                yield f"column {column.name!r} holds dates: it is left out"
            case "text":
                yield (
                    f"column {column.name!r} has more than {MAX_CLASSES} different values that "
                    f"aren't all numbers, first {text!r} in line {line}: it is left out; mend it, "
                    "or say in the schema that it is a category"
                )
            case "empty":
                yield f"column {column.name!r} has no value in any row: it is left out"
            case "category" if _COMMA.fullmatch(text) or _mostly_numbers(column):
                yield (
                    f"column {column.name!r} is taken for categories, since {text!r} in line "
                    f"{line} is no number: mend it, with a decimal point where one belongs, or say "
                    "in the schema that it is a category"
                )


def _mostly_numbers(column: Column) -> bool:
    values = column.values or {}
    numbers = sum(rows for value, rows in values.items() if parse_quantity(value) is not None)
    return 2 * numbers > sum(values.values())
