"""CSV files as series: a row a step, the first one the oldest; columns of numbers, and dates."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from kerasearch.models.datasets.cells import parse_quantity
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.csv_file import ScannedTable, data_rows, scan_table
from kerasearch.models.datasets.date_order import date_order
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.refusal import refuse
from kerasearch.models.datasets.series import Series
from kerasearch.models.datasets.series_columns import select_channels
from kerasearch.searchspaces.problems import InvalidInput


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """What a CSV file holds, its columns over time.

    Raises:
        InvalidInput: At `/file`, or inside `/schema`.
    """
    table = scan_table(path, schema, least=1)
    dropped = schema.dropped
    try:
        channels = select_channels(table.columns, schema.target, dropped)
    except InvalidInput as error:
        raise error.under("/schema") from None
    check_order(path, table, dropped)
    names = [table.columns[place].name for place in channels]
    unused = [c.name for c in table.columns if c.name not in (*names, *dropped)]
    warnings = [
        *table.warnings,
        *(f"column {n!r} holds no numbers: it is left out" for n in unused),
    ]
    if schema.target is None and len(names) > 1:
        warnings.append(f"no target is said: {names[0]!r} is forecast, the others are only read")
    return DatasetInfo(
        format="series",
        kind="series",
        rows=table.rows,
        shape=(len(channels),),
        target=names[0],
        drop=dropped,
        class_counts=None,
        tasks=("forecasting",),
        target_shape=(1,),
        columns=table.columns,
        delimiter=table.delimiter,
        header=table.header,
        warnings=tuple(warnings),
    )


def check_order(path: Path, table: ScannedTable, dropped: Collection[str] = ()) -> None:
    """Refuse rows that aren't in the order of time, by the columns of dates where there are some.

    Cut into train and test, they would have the future learned and the past predicted.
    """
    wrong = []
    for place, column in enumerate(table.columns):
        if column.type != "date" or column.name in dropped:
            continue
        with data_rows(path, table.delimiter, table.header) as rows:
            order = date_order(row.cells[place] for row in rows)
        if order == "up":
            return
        if order is not None:
            wrong.append((column.name, order))
    if wrong:
        name, order = wrong[0]
        seen = (
            f"the newest row stands first, as column {name!r} counts down"
            if order == "down"
            else f"rows aren't in the order of time: column {name!r} goes up and down"
        )
        refuse(f"{seen}; sort them, oldest first, or drop the column if it says no such thing")


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Series:
    """The series that columns of a file make, once `usable` found nothing against it."""
    assert info.columns is not None and info.delimiter is not None  # noqa: S101, PT018 - it is CSV
    channels = select_channels(
        info.columns, choice.target or info.target, (*info.drop, *choice.drop)
    )
    x = np.empty((info.rows, len(channels)), np.float32)
    with data_rows(path, info.delimiter, info.header is True) as rows:
        for step, (_, cells) in enumerate(rows):
            x[step] = [parse_quantity(cells[place]) for place in channels]
    names = tuple(info.columns[place].name for place in channels)
    return Series(
        "series", x, None, features=names, horizon=choice.horizon, dropped=tuple(info.drop)
    )
