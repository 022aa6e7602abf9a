import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kerasearch.searchspaces.comparisons import read_test
from kerasearch.searchspaces.parameters import Choice, Float, Int
from kerasearch.searchspaces.problems import InvalidInput

PARAMETERS = {
    "layers": Int(low=1, high=4),
    "units": Choice(values=(16, 64, 256)),
    "rate": Float(low=-1, high=1),
    "cell": Choice(values=("lstm", "gru")),
    "norm": Choice(values=(True, False)),
    "clip": Choice(values=(None, 1.0, 5)),
    "mixed": Choice(values=(1, "auto")),
}
PARAMS = {"layers": 2, "units": 64, "rate": -0.5, "cell": "lstm", "norm": True, "clip": None,
          "mixed": "auto"}  # fmt: skip


def answer(text, **params):
    test, _ = read_test(text, PARAMETERS)
    return test({**PARAMS, **params})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("layers * units <= 128", True),
        ("layers * units < 128", False),
        ("1 <= layers <= 2 < 3", True),
        ("1 < layers < 2", False),
        ("units / 5 == 12.8", True),
        ("units // 5 == 12 and units % 5 == 4", True),
        ("-rate == 0.5 and +layers - 1 == 1", True),
        ("2 ** layers == 4", True),
        ("cell == 'lstm'", True),
        ("'gru' != cell", True),
        ("cell in ('gru', 'lstm')", True),
        ("units not in [16, 64]", False),
        ("units in [layers * 32]", True),
        ("norm", True),
        ("not norm or layers > 3", False),
        ("norm == False", False),
        ("mixed == 'auto' and mixed != 1", True),
        ("clip == None", True),
        ("9**9**9 > units", True),
        ("(-10) ** 1001 < 0", True),
        ("1 / (layers - 2) > 0", False),
        ("rate ** 0.5 != 1", True),
    ],
)
def test_a_comparison_is_pythons_own(text, holds):
    assert answer(text) is holds


def test_what_a_missing_parameter_leaves_open_is_undecided_and_no_more():
    test, names = read_test("layers > 3 or units < 20 and cell == 'gru'", PARAMETERS)
    assert names == ("layers", "units", "cell")
    assert test({"layers": 4}) is True
    assert test({"layers": 1}) is None
    assert test({"layers": 1, "units": 64}) is False
    assert test({"layers": 1, "units": 16}) is None


@pytest.mark.parametrize(
    ("text", "undecided"),
    [
        ("not layers > 3", True),
        ("layers in [1, 2]", True),
        ("layers not in [1, 2]", True),
        ("1 < layers < 0", True),
        ("layers > 3 and 1 > 2", False),
        ("layers > 3 or 1 < 2", False),
        ("clip > 1", True),
        ("clip * 2 == 2", True),
    ],
)
def test_undecided_stays_undecided_until_something_else_decides(text, undecided):
    test, _ = read_test(text, PARAMETERS)
    assert (test({"clip": None}) is None) is undecided


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "isn't a Python expression"),
        ("layers <", "isn't a Python expression"),
        ("layers = 2", "isn't a Python expression"),
        ("layers", "layers is a number: compare it"),
        ("3", "3 is neither true nor false"),
        ("layer > 1", "no parameter 'layer'; did you mean 'layers'?"),
        ("cell > 1", "cell must be a number here, and is a text"),
        ("mixed > 1", "mixed must be a number here, and is a number or a text"),
        ("norm + 1 > 1", "norm must be a number here, and is true or false"),
        ("-cell == 1", "cell must be a number"),
        ("None < layers", "None must be a number here, and is null"),
        ("cell == 'ltsm'", "cell must be one of lstm, gru, not 'ltsm'"),
        ("'rnn' in [cell]", "must be one of"),
        ("cell in ['lstm', 'rnn']", "not 'rnn'"),
        ("layers == 'two'", "layers must be a number, not 'two'"),
        ("layers == True", "they are never equal"),
        ("layers == None", "layers is a number, and None is null"),
        ("layers in []", "'in' takes a list, such as [1, 2], not []"),
        ("layers in units", "'in' takes a list"),
        ("layers is 2", "compare by =="),
        ("layers & 1 == 1", "layers & 1 can't stand here"),
        ("abs(rate) < 1", "abs(rate) can't stand here"),
        ("layers.real > 1", "can't stand here"),
        ("units[0] > 1", "can't stand here"),
        ("f'{layers}' == cell", "can't stand here"),
        ("(lambda: 1)() > 0", "can't stand here"),
        ("(layers := 3) > 1", "can't stand here"),
        ("1j == layers", "can't stand here"),
        ("layers if norm else 3", "neither true nor false"),
        ("[l for l in [1]]", "neither true nor false"),
        ("layers < 1e999", "finite"),
        ("layers < " + "9" * 400, "±2^53"),
        ("layers < 1" + "+1" * 150, "more than 100 levels"),
        ("(" * 240 + "norm" + ")" * 240, "isn't a Python expression"),
        ("norm" + " or norm" * 70, "at most 500 characters"),
        ("layers > 1\0", "null bytes"),
    ],
    ids=lambda text: text[:30].encode("unicode_escape").decode(),
)
def test_what_compares_nothing_is_refused_with_advice(text, words):
    with pytest.raises(InvalidInput) as caught:
        read_test(text, PARAMETERS)
    (problem,) = caught.value.problems
    assert problem.pointer == ""
    assert words in problem.detail
    assert len(problem.detail) < 400


PIECES = [*PARAMETERS, "'lstm'", "None", "True", "0", "3", "1e9", " and ", " or ", "not ", " in ",
          "==", "<", ">=", "!=", "+", "-", "*", "/", "//", "%", "**", "(", ")", "[", "]", ",", ".",
          "lambda", ":", " if ", " else ", "é"]  # fmt: skip


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.text()))
@example("9**9**9**9>units")
@example("rate**-units<3")
@example("units%rate**0.5//0>=1")
def test_whatever_is_written_is_answered_or_refused(text):
    try:
        test, _ = read_test(text, PARAMETERS)
    except InvalidInput:
        return
    assert test(PARAMS) in (True, False, None)
    assert test({}) in (True, False, None)
