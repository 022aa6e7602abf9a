import pytest

from kerasearch.models.datasets.cells import is_date, is_missing, parse_quantity


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12", 12),
        ("-1.5e3", -1500),
        ("1,234", 1234),
        ("-12,345,678.5", -12345678.5),
        ("1,23", None),
        ("1234,567", None),
        ("1.234.567", None),
        ("inf", None),
        ("x", None),
    ],
)
def test_numbers_may_have_thousands_separators(cell: str, number: float | None) -> None:
    assert parse_quantity(cell) == number


@pytest.mark.parametrize(
    "cell",
    [
        "2012-01-31",
        "1/3/2012",
        "31.12.99",
        "2020-02-03T04:05:06Z",
        "2020/2/3 4:05",
        "1/3/2012 4:05 PM",
    ],
)
def test_dates_are_known_in_any_common_order(cell: str) -> None:
    assert is_date(cell)


@pytest.mark.parametrize("cell", ["2012", "1.5", "1-2", "10:30", "192.168.0.1", "yesterday"])
def test_what_is_no_date_is_none(cell: str) -> None:
    assert not is_date(cell)


@pytest.mark.parametrize(
    ("cell", "missing"), [("", True), ("NaN", True), ("N/A", True), ("0", False)]
)
def test_nothing_is_written_in_some_ways(cell: str, missing: bool) -> None:
    assert is_missing(cell) == missing
