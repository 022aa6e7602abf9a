import numpy as np
import pytest

from kerasearch.models.datasets.encoding import Encoding, TableColumn, fit_encoding

NUMBER = TableColumn(name="age")
TOWN = TableColumn(name="town", values=("Bern", "Chur", "Thun"))
NAN = np.nan


def raw(*rows: tuple[float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_gaps_get_the_median_or_the_most_frequent_value_of_train() -> None:
    train = raw((1, 0), (2, 2), (9, 2), (NAN, NAN))
    encoding = fit_encoding([NUMBER, TOWN], train, "onehot", "impute")
    assert encoding.features == ("age", "town=Bern", "town=Thun")
    assert encoding.matrix(raw((NAN, NAN), (5, 0))).tolist() == [[2, 0, 1], [5, 1, 0]]
    assert encoding.flags == (1, 2)


def test_a_value_that_train_has_not_is_none_of_its_features() -> None:
    encoding = fit_encoding([NUMBER, TOWN], raw((1, 0), (2, 2)), "onehot", "impute")
    assert encoding.matrix(raw((3, 1), (3, -1))).tolist() == [[3, 0, 0], [3, 0, 0]]


def test_ordinal_numbers_the_values_in_their_order() -> None:
    encoding = fit_encoding([NUMBER, TOWN], raw((1, 0), (2, 2)), "ordinal", "impute")
    assert encoding.features == ("age", "town")
    assert encoding.matrix(raw((3, 2), (3, 1))).tolist() == [[3, 2], [3, 1]]
    assert encoding.flags == ()


def test_gaps_are_indicated_where_train_has_some() -> None:
    train = raw((NAN, 0), (2, 2), (4, 2))
    encoding = fit_encoding([NUMBER, TOWN], train, "onehot", "indicate")
    assert encoding.features == ("age", "age is missing", "town=Bern", "town=Thun")
    assert encoding.matrix(raw((NAN, 0))).tolist() == [[3, 1, 1, 0]]
    assert encoding.flags == (1, 2, 3)


def test_of_many_values_the_most_frequent_have_a_feature() -> None:
    names = tuple(str(i) for i in range(150))
    codes = np.concatenate([np.arange(150), np.arange(50, 150)]).astype(np.float32)
    column = TableColumn(name="name", values=names)
    encoding = fit_encoding([column], codes[:, np.newaxis], "onehot", "impute")
    assert encoding.features == tuple(f"name={i}" for i in range(50, 150))


def test_an_encoding_survives_json() -> None:
    encoding = fit_encoding([NUMBER, TOWN], raw((1, 0), (NAN, 2)), "onehot", "indicate")
    again = Encoding.model_validate_json(encoding.model_dump_json())
    assert again == encoding


@pytest.mark.parametrize(("cell", "code"), [("Chur", 1), ("Genf", -1), ("", NAN), ("n/a", NAN)])
def test_a_cell_of_categories_is_its_values_index(cell: str, code: float) -> None:
    np.testing.assert_equal(TOWN.code(cell), code)


def test_a_cell_of_numbers_is_a_number() -> None:
    assert NUMBER.code("1,234.5") == 1234.5
    with pytest.raises(ValueError, match="column 'age' must hold a number, not 'old'"):
        NUMBER.code("old")
