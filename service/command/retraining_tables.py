"""What a retraining found, as people read it on a terminal."""

from collections.abc import Sequence

import rich.box
from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kerasearch.models.tasks import TASKS, TaskName

MAX_REPEAT_COLUMNS = 10


class Spread(BaseModel):
    """Over repeats; a single one has a mean alone."""

    mean: float
    std: float | None
    interval_95: tuple[float, float] | None


class RepeatReport(BaseModel):
    """A repeat; without classes it has no confusions."""

    number: int
    confusion_matrix: list[list[int]] = []
    class_errors: list[float] = []


class Report(BaseModel):
    """What these tables need of `report.json`."""

    task: TaskName = "classification"
    classes: list[str] = []
    repeats: list[RepeatReport]
    summary: dict[str, Spread]
    class_errors: dict[str, Spread] = {}


def retraining_sheet(raw: object) -> Group:
    """Of classes confusion matrix and errors, and of all tasks the spread over repeats."""
    report = Report.model_validate(raw)
    repeats = len(report.repeats)
    over = "1 repeat" if repeats == 1 else f"{repeats} repeats"
    parts: list[RenderableType] = []
    if report.classes:
        parts += [
            _title(
                f"Confusion matrix on the test part, sum of {over}: rows true, columns predicted"
            ),
            _confusion_table(report),
            _title("Error of each class on the test part"),
            _class_error_table(report),
        ]
    return Group(*parts, _title(f"Over {over}"), _summary(report))


def _confusion_table(report: Report) -> Table:
    matrices = [repeat.confusion_matrix for repeat in report.repeats]
    counts = [
        [sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)
    ]
    table = _table()
    table.add_column("", no_wrap=True)
    for index in range(len(report.classes)):
        table.add_column(str(index), justify="right", no_wrap=True)
    for index, (name, row) in enumerate(zip(report.classes, counts, strict=True)):
        cells = [Text(str(n), style="bold" if i == index else "") for i, n in enumerate(row)]
        table.add_row(f"{index} {name}", *cells)
    return table


def _class_error_table(report: Report) -> Table:
    shown = report.repeats[:MAX_REPEAT_COLUMNS] if len(report.repeats) > 1 else []
    table = _table()
    table.add_column("", no_wrap=True)
    for repeat in shown:
        table.add_column(f"repeat {repeat.number}", justify="right")
    _add_spread_columns(table)
    for index, name in enumerate(report.classes):
        errors = [_aligned(repeat.class_errors[index]) for repeat in shown]
        table.add_row(f"{index} {name}", *errors, *_spread(report.class_errors[name]))
    means = [_aligned(_mean(repeat.class_errors)) for repeat in shown]
    overall = _mean([spread.mean for spread in report.class_errors.values()])
    table.add_section()
    table.add_row("mean", *means, _aligned(overall), "", "")
    return table


def _summary(report: Report) -> Table:
    table = _table()
    table.add_column("", no_wrap=True)
    _add_spread_columns(table)
    headline = TASKS[report.task].headline
    for name, spread in report.summary.items():
        part, _, metric = name.partition("_")
        # Of the parts that were trained and chosen on the report itself says more.
        if part == "test" or metric in ("loss", headline):
            bold = name == f"test_{headline}"
            table.add_row(name, *_spread(spread), style="bold" if bold else "")
    return table


def _add_spread_columns(table: Table) -> None:
    for heading in ("mean", "std", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)


def _spread(spread: Spread) -> tuple[str, str, str]:
    interval = spread.interval_95
    between = "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return _aligned(spread.mean), _aligned(spread.std), between


def _aligned(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _title(words: str) -> Text:
    return Text(words, style="bold")


def _table() -> Table:
    return Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
