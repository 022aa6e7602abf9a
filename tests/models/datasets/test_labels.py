import pytest

from kerasearch.models.datasets.labels import count_classes, index_labels, parse_number
from kerasearch.searchspaces.problems import InvalidInput


@pytest.mark.parametrize(("text", "number"), [("3", 3.0), ("-1.5e3", -1500.0), (".5", 0.5)])
def test_a_number_is_read(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e39", "1_000", "7,380", "0x10"])
def test_what_is_no_finite_float32_is_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_text_is_ordered_by_alphabet_and_numbers_by_value() -> None:
    assert index_labels(["well", "ill", "10"]) == {"10": 0, "ill": 1, "well": 2}
    assert index_labels(["10", "9", "-1"]) == {"-1": 0, "9": 1, "10": 2}


def test_labels_of_equal_numbers_are_one_class_named_by_the_shortest() -> None:
    assert count_classes("y", {"1.0": 3, "2": 4, "1": 5}) == {"1": 8, "2": 4}


@pytest.mark.parametrize(
    ("labels", "missing", "sentence"),
    [
        ({"a": 3, "b": 3}, 2, "y is empty in 2 rows"),
        (None, 0, "y has more than 100 distinct values"),
        ({"a": 9}, 0, "y has one class only, 'a'"),
        ({"1": 9, "1.0": 3}, 0, "y has one class only, '1'"),
        ({"a": 9, "b\n": 3}, 0, "must be printable"),
    ],
)
def test_what_makes_no_classes_is_refused(
    labels: dict[str, int] | None, missing: int, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        count_classes("y", labels, missing)
