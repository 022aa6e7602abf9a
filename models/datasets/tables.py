"""Tables, whatever file they come in: their description, and the dataset that columns make."""

import sys
from collections.abc import Iterable, Sequence
from math import nan
from typing import Literal

import numpy as np

from kerasearch.models.datasets.arrays import Features, Targets
from kerasearch.models.datasets.cells import is_missing, parse_quantity
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.columns import (
    check_columns,
    column_classes,
    column_tasks,
    column_warnings,
    is_name,
    select_columns,
    unusable_features,
)
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.encoding import TableColumn
from kerasearch.models.datasets.info import Column, DatasetInfo, Kind, Schema
from kerasearch.models.datasets.labels import index_labels
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.datasets.table_dataset import TableDataset
from kerasearch.models.tasks import OF_ROWS_ALONE
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown


def describe_table(
    file_format: Literal["csv", "parquet"],
    kind: Kind,
    rows: int,
    columns: Sequence[Column],
    schema: Schema,
    warnings: Sequence[str] = (),
    *,
    ends_early: bool = False,
) -> DatasetInfo:
    """A table's description, once its columns are known.

    Raises:
        InvalidInput: Inside `/schema`.
    """
    try:
        columns = _as_declared(columns, schema)
        dropped = schema.dropped
        shape = class_counts = None
        tasks = DatasetInfo.model_fields["tasks"].default
        warnings = list(warnings)
        if kind == "tabular":
            said = {*schema.columns, *dropped, schema.target or ""}
            warnings += column_warnings(columns, said)
        if schema.target is None:
            check_columns(columns, schema.drop)
        else:
            selection = select_columns(columns, schema.target, schema.drop, dropped, kind)
            column = next(column for column in columns if column.name == schema.target)
            tasks = column_tasks(column)
            if tasks[0] == "classification":
                class_counts = column_classes(column)
            shape = selection.example_shape(kind)
            if kind == "sequence":
                unusable = list(unusable_features(columns, selection, ends_early=ends_early))
                warnings += unusable
                shape = None if unusable else shape
    except InvalidInput as error:
        raise error.under("/schema") from None
    return DatasetInfo(
        format=file_format,
        kind=kind,
        rows=rows,
        shape=shape,
        target=schema.target,
        drop=dropped,
        class_counts=class_counts,
        tasks=tasks,
        columns=tuple(columns),
        ends_early=ends_early,
        warnings=tuple(warnings),
    )


def _as_declared(columns: Sequence[Column], schema: Schema) -> Sequence[Column]:
    """The columns with the types that the schema says."""
    names = [column.name for column in columns]
    problems = [
        Problem(pointer_to("columns", name), unknown("column", name, names))
        for name in schema.columns
        if name not in names
    ]
    declared = []
    for column in columns:
        said = schema.columns.get(column.name)
        if said is not None and said.type == "number" and column.text is not None:
            line, text = column.text
            detail = f"it holds no number in line {line}, {text!r}: mend it, or say category"
            problems.append(Problem(pointer_to("columns", column.name), detail))
        if said is not None and said.type != "drop":
            column = column.model_copy(update={"type": said.type})
        declared.append(column)
    if problems:
        raise InvalidInput(problems)
    return declared


def read_table(info: DatasetInfo, choice: DataChoice, rows: Iterable[Sequence[str]]) -> Dataset:
    """The dataset that a job asked for, once `usable` found nothing against it.

    Args:
        info: As `describe_table` gave it.
        choice: The job's.
        rows: Every row's cells as text, in the order of `info.columns`.
    """
    assert info.columns is not None  # noqa: S101 - a table has columns
    name = choice.target if choice.target is not None else info.target
    selection = select_columns(info.columns, name, choice.drop, info.drop, info.kind)
    features = [info.columns[place] for place in selection.features]
    target = None if selection.target is None else info.columns[selection.target]
    classes = _classes(target, choice)
    readers = [_Reader(column) for column in features]
    x = np.empty((info.rows, len(features)), np.float32)
    answers: list[str] = []
    for i, cells in enumerate(rows):
        x[i] = [read(cells[place]) for read, place in zip(readers, selection.features, strict=True)]
        if selection.target is not None:
            answers.append(sys.intern(cells[selection.target]))
    y: Targets | None = None
    if target is not None and classes:
        index = index_labels(target.values or ())
        y = np.array([index[answer] for answer in answers], np.int64)
    elif target is not None and choice.task not in OF_ROWS_ALONE:
        y = np.array([parse_quantity(answer) for answer in answers], np.float32)
    names = tuple(column.name for column in features)
    is_ready = not any(reader.vocabulary is not None or reader.column.missing for reader in readers)
    if is_ready or info.kind == "sequence":
        x[np.isnan(x)] = PADDING
        shape = selection.example_shape(info.kind)
        return Dataset(info.kind, x.reshape(info.rows, *shape), y, tuple(classes), names)
    for place, reader in enumerate(readers):
        reader.sort(x[:, place])
    columns = tuple(TableColumn(name=r.column.name, values=r.values) for r in readers)
    return TableDataset(
        info.kind, x, y, tuple(classes), names, columns, choice.categories, choice.missing
    )


def _classes(target: Column | None, choice: DataChoice) -> dict[str, int]:
    """The classes that a job's target holds; none of a quantity."""
    if target is None:
        return {}
    task = choice.task or column_tasks(target)[0]
    has_classes = task == "classification" or is_name(target, task)
    return column_classes(target) if has_classes else {}


class _Reader:
    """Reads a column's cells as numbers, a category's as codes in the order of its values."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self.vocabulary: dict[str, int] | None = {} if column.holds == "category" else None

    def __call__(self, cell: str) -> float:
        if self.vocabulary is not None:
            if is_missing(cell):
                return nan
            return self.vocabulary.setdefault(cell, len(self.vocabulary))
        try:
            return float(cell)
        except ValueError:
            number = parse_quantity(cell)
            return nan if number is None else number

    @property
    def values(self) -> tuple[str, ...] | None:
        return None if self.vocabulary is None else tuple(sorted(self.vocabulary))

    def sort(self, codes: Features) -> None:
        """From codes by first appearance to those by the order of `values`, in place."""
        if self.vocabulary is None or self.values is None:
            return
        places = {value: place for place, value in enumerate(self.values)}
        order = np.array([places[value] for value in self.vocabulary], np.float32)
        present = ~np.isnan(codes)
        codes[present] = order[codes[present].astype(np.int64)]
