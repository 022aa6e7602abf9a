from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.datasets import DatasetInfo, Schema, inspect_file, load_file, usable
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.series import Series
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.jobs import SplitRequest

STOCK = [
    "Date,Open,High,Volume",
    *(f'1/{day}/2012,{300 + day},{301 + day},"{day},000"' for day in range(1, 31)),
]

UNSAID = Schema()


def inspected(tmp_path: Path, lines: list[str], schema: Schema = UNSAID) -> DatasetInfo:
    (tmp_path / "data.csv").write_text("\n".join(lines))
    return inspect_file(tmp_path / "data.csv", "data.csv", "series", schema)


def test_columns_of_numbers_are_channels_and_the_first_one_is_forecast(tmp_path: Path) -> None:
    info = inspected(tmp_path, STOCK)
    assert (info.rows, info.shape, info.target) == (30, (3,), "Open")
    assert info.warnings == (
        "column 'Date' holds no numbers: it is left out",
        "no target is said: 'Open' is forecast, the others are only read",
    )


def test_the_target_is_the_first_channel_whatever_its_place(tmp_path: Path) -> None:
    info = inspected(tmp_path, STOCK)
    choice = DataChoice(target="Volume", drop=("High",), horizon=2)
    series = load_file(tmp_path / "data.csv", info, choice)
    assert isinstance(series, Series)
    assert (series.features, series.horizon) == (("Volume", "Open"), 2)
    np.testing.assert_array_equal(series.x[:2], [[1000, 301], [2000, 302]])


def test_one_column_is_a_series(tmp_path: Path) -> None:
    info = inspected(tmp_path, ["value", "1.5", "2", "-3"])
    assert load_file(tmp_path / "data.csv", info, DataChoice()).x.tolist() == [[1.5], [2], [-3]]


@pytest.mark.parametrize(
    ("schema", "pointer", "reason"),
    [
        (Schema(target="Opne"), "/schema/target", "did you mean 'Open'"),
        (Schema(target="Date"), "/schema/drop", "'Date' holds text where numbers belong"),
        (Schema(drop=("Open", "High", "Volume")), "/schema/drop", "no column of numbers is left"),
        (Schema(target="Open", drop=("Open",)), "/schema/target", "'Open' is dropped"),
    ],
)
def test_columns_that_make_no_series_are_refused(
    tmp_path: Path, schema: Schema, pointer: str, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason) as refused:
        inspected(tmp_path, STOCK, schema)
    assert refused.value.problems[0].pointer == pointer


def test_a_gap_in_a_column_that_is_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'a' has no value in 1 rows"):
        inspected(tmp_path, ["a,b", "1,2", ",3", "4,5"])


@pytest.mark.parametrize("gap", ["", '""', " "])
def test_a_gap_in_the_only_column_is_refused(tmp_path: Path, gap: str) -> None:
    with pytest.raises(InvalidInput, match="'a' has no value in 2 rows"):
        inspected(tmp_path, ["a", "1", gap, gap, "4"])


def test_only_blank_lines_may_follow_the_newest_step(tmp_path: Path) -> None:
    assert inspected(tmp_path, ["", "a", "1", "2", "", " ", ""]).rows == 2
    with pytest.raises(InvalidInput, match="'a' has no value in 1 rows"):
        inspected(tmp_path, ["a", "1", "2", '""', ""])


DATES = {
    "%Y-%m-%d": (20, 80),
    "%m/%d/%Y": (20, 80),
    "%d.%m.%y": (20, 80),
    "%Y-%m-%dT%H:%M:%SZ": (4, 30),
    "%m/%d/%Y %I:%M %p": (4, 30),
}


def dated(form: str, steps: Sequence[int], hours: int) -> list[str]:
    start = datetime(2019, 12, 20, tzinfo=UTC)
    days = [(start + timedelta(hours=hours * step)).strftime(form) for step in steps]
    return ["Date,Close", *(f"{day},{i}" for i, day in enumerate(days))]


@pytest.mark.parametrize("form", DATES)
def test_a_series_that_is_not_in_the_order_of_time_is_refused(tmp_path: Path, form: str) -> None:
    hours, count = DATES[form]
    forth = range(count)
    assert inspected(tmp_path, dated(form, forth, hours)).rows == count
    with pytest.raises(InvalidInput, match=r"column 'Date' counts down; sort them, oldest first"):
        inspected(tmp_path, dated(form, forth[::-1], hours))
    with pytest.raises(InvalidInput, match="'Date' goes up and down; sort them, oldest first"):
        inspected(tmp_path, dated(form, [*forth[10:], *forth[:10]], hours))
    info = inspected(tmp_path, dated(form, forth[::-1], hours), Schema(drop=("Date",)))
    assert info.rows == count


def test_one_column_of_dates_in_order_is_enough(tmp_path: Path) -> None:
    rows = [f"2020-01-{i:02},2020-02-{20 - i:02},{i}" for i in range(1, 20)]
    assert inspected(tmp_path, ["day,due,value", *rows]).rows == 19


def test_dates_that_exist_in_no_calendar_tell_no_order(tmp_path: Path) -> None:
    assert inspected(tmp_path, ["day,value", "40/40/2020,1", "39/39/2020,2"]).rows == 2


def use(info: DatasetInfo, **choice: object) -> tuple[tuple[int, ...], str]:
    fit = usable(
        info,
        DataChoice.model_validate(choice),
        split=SplitRequest(),
        kinds=("series",),
        tasks=("forecasting",),
    )
    return fit.input_shape, fit.task


def test_a_job_names_the_target_and_what_to_drop(tmp_path: Path) -> None:
    info = inspected(tmp_path, STOCK)
    assert use(info, target="High", drop=["Volume"]) == ((2,), "forecasting")
    with pytest.raises(InvalidInput) as refused:
        use(info, target="Hihg")
    assert [problem.pointer for problem in refused.value.problems] == ["/target"]


def test_only_a_series_has_a_horizon(tmp_path: Path) -> None:
    table = inspect_file(_table(tmp_path), "table.csv", "tabular", Schema(target="b"))
    with pytest.raises(InvalidInput, match="only a series is forecast, and this is tabular"):
        usable(
            table,
            DataChoice(horizon=2),
            split=SplitRequest(),
            kinds=("tabular",),
            tasks=("classification",),
        )


def _table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "\n".join(f"{i},{'xy'[i % 2]}" for i in range(40)))
    return path
