from collections.abc import Callable

import pytest

from kerasearch.service.hyperas import CannotImport, Imported

Import = Callable[..., Imported]

SCRIPT = """
from hyperas import optim
from hyperas.distributions import choice
from keras.models import Sequential
from keras.layers import Dense

def {data}

def create_model({arguments}):
    model = Sequential([Dense({{{{choice([1, 2])}}}}), Dense({reads})])
    model.compile('sgd', 'mse')
    model.fit({fit})
    return {{'loss': -model.evaluate({evaluate})[1], 'model': model}}

optim.minimize(create_model, {name}, None, 3{more})
"""


def script(
    data: str,
    arguments: str = "x_train, y_train, x_test, y_test",
    *,
    fit: str = "x_train, y_train",
    evaluate: str = "x_test, y_test",
    reads: str = "3",
    more: str = "",
) -> str:
    name = data.partition("(")[0]
    return SCRIPT.format(
        data=data,
        arguments=arguments,
        fit=fit,
        evaluate=evaluate,
        reads=reads,
        more=more,
        name=name,
    )


def test_a_function_that_returns_rows_in_order_stays_as_it_is(import_source: Import) -> None:
    code = import_source(script("data():\n    return x_train, y_train, x_test, y_test")).code
    assert "def data():\n    return x_train, y_train, x_test, y_test" in code
    assert "loaded" not in code


def test_rows_are_known_by_what_is_trained_and_judged_with_them(import_source: Import) -> None:
    data = "rows():\n    return (a, b), (c, d), classes"
    source = script(
        data, "a, b, c, d, classes", fit="b, a", evaluate="d, c", reads="classes", more=""
    )
    code = import_source(source).code
    assert "    (a, b), (c, d), _ = loaded()\n    return b, a, d, c\n" in code
    assert "    _, _, classes = loaded()\n    model = " in code


def test_a_validation_set_stands_between_train_and_test(import_source: Import) -> None:
    data = "data():\n    return x_train, x_val, x_test, y_train, y_val, y_test"
    source = script(
        data,
        "x_train, x_val, x_test, y_train, y_val, y_test",
        fit="x_train, y_train, validation_data=(x_val, y_val)",
    )
    assert "return x_train, y_train, x_val, y_val, x_test, y_test\n" in import_source(source).code


def test_a_model_function_may_read_what_data_doesnt_return(import_source: Import) -> None:
    data = "data():\n    width = 3\n    return x_train, y_train, x_test, y_test"
    code = import_source(script(data, reads="width")).code
    assert "return (x_train, y_train, x_test, y_test), width\n" in code
    assert "    _, width = loaded()\n    model = " in code


def test_what_is_no_name_is_known_as_the_model_function_calls_it(import_source: Import) -> None:
    source = script("rows():\n    return f(1), g(), f(2), g()", reads="x_test")
    code = import_source(source).code
    assert "def rows():\n    return f(1), g(), f(2), g()\n" in code
    assert "    _, _, x_test, _ = loaded()\n" in code
    assert "    return loaded()\n" in code


def test_its_arguments_are_those_that_the_search_gave(import_source: Import) -> None:
    source = script(
        "rows(n, path):\n    return x_train, y_train, x_test, y_test", more=", data_args=(10, 'a')"
    )
    assert "    return rows(10, 'a')\n" in import_source(source).code


@pytest.mark.parametrize(
    ("data", "arguments", "sentence"),
    [
        ("data():\n    pass", "x_train, y_train", "line 7: data returns nothing"),
        ("data():\n    return a, b, c", "a, b, c", "which of a, b, c are the rows to train on"),
    ],
)
def test_rows_that_cant_be_made_out_are_refused(
    import_source: Import, data: str, arguments: str, sentence: str
) -> None:
    with pytest.raises(CannotImport) as refused:
        import_source(script(data, arguments, fit="f(1)", evaluate="f(2)"))
    assert sentence in str(refused.value)
