import math
from random import Random

import numpy as np
import pytest
from hyperopt.pyll import stochastic
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from kerasearch.searchspaces.hyperas import DISTRIBUTIONS, parse_hyperas
from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal
from kerasearch.searchspaces.problems import InvalidInput


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("{{choice([64, 128])}}", Choice(values=(64, 128))),
        ("{{ choice(['adam', None, True, -1, +2, 1e-3]) }}",
         Choice(values=("adam", None, True, -1, 2, 0.001))),
        ("{{choice(('one', 'two'))}}", Choice(values=("one", "two"))),
        ("{{choice(options=[1])}}", Choice(values=(1,))),
        ("  {{choice([\n  64,\n  128,  # more\n])}}\n", Choice(values=(64, 128))),
        ("{{uniform(0, 1)}}", Float(low=0, high=1)),
        ("{{uniform(high=1, low=-.5)}}", Float(low=-0.5, high=1)),
        ("{{loguniform(-5, 0)}}", Float(low=math.exp(-5), high=1, log=True)),
        ("{{quniform(1, 10, 2)}}", Float(low=1, high=10, round_to=2)),
        ("{{qloguniform(0, 2, 1)}}", Float(low=1, high=math.exp(2), log=True, round_to=1)),
        ("{{normal(0, 1)}}", Normal(mean=0, std=1)),
        ("{{qnormal(mu=0, sigma=1, q=0.5)}}", Normal(mean=0, std=1, step=0.5)),
        ("{{lognormal(0, 1)}}", Normal(mean=0, std=1, log=True)),
        ("{{qlognormal(0, 1, 1)}}", Normal(mean=0, std=1, log=True, step=1)),
        ("{{randint(5)}}", Int(low=0, high=4)),
        ("{{randint(2, 5)}}", Int(low=2, high=4)),
        ("{{randint(1)}}", Choice(values=(0,))),
        ("{{randint(-3, high=-2)}}", Choice(values=(-3,))),
        ("{{choice([2**5, 2*64, 10**-3, -(1 + 2), 512 // 8])}}",
         Choice(values=(32, 128, 0.001, -3, 64))),
        ("{{uniform(10**-5, 1/8)}}", Float(low=1e-5, high=0.125)),
        ("{{loguniform(-5 * 2, -1 + 1)}}", Float(low=math.exp(-10), high=1, log=True)),
    ],
)  # fmt: skip
def test_a_string_means_what_it_says(text, parameter):
    assert parse_hyperas(text) == parameter


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("uniform", (-2, 3)),
        ("quniform", (1, 10, 2)),
        ("quniform", (0.3, 2.6, 0.25)),
        ("loguniform", (-5, 0)),
        ("qloguniform", (-1, 3, 2)),
        ("normal", (1, 2)),
        ("qnormal", (1, 2, 0.5)),
        ("lognormal", (0, 0.5)),
        ("qlognormal", (0, 1, 1)),
        ("randint", (5,)),
        ("randint", (2, 7)),
    ],
)
def test_each_distribution_is_hyperopts_own(name, args):
    parameter = parse_hyperas(f"{{{{{name}{args!r}}}}}" if len(args) > 1 else f"{{{{{name}(5)}}}}")
    rng = Random(0)
    ours = [parameter.draw(rng) for _ in range(3_000)]
    theirs = getattr(stochastic, name)(*args, rng=np.random.default_rng(0), size=3_000).tolist()
    assert [parameter.allow(value) for value in theirs] == pytest.approx(theirs)
    assert ks_2samp(ours, theirs).pvalue > 1e-3
    assert set(map(type, ours)) == set(map(type, theirs))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{choice([64, 128])", "closing }} is missing"),
        ("{{}}", "isn't a Python expression"),
        ("{{choice([1, 2)}}", "isn't a Python expression"),
        ("{{64}}", "no call of a distribution"),
        ("{{chioce([1])}}", "did you mean 'choice'?"),
        ("{{hp.choice('x', [1])}}", "no Hyperas distribution 'hp.choice'; did you mean 'choice'?"),
        ("{{__import__('os').system('true')}}", "no Hyperas distribution"),
        ("{{choice([])}}", "at least one value"),
        ("{{choice(3)}}", "choice takes a list"),
        ("{{choice(1, 2)}}", "choice takes a list"),
        ("{{choice()}}", "write choice(options): missing"),
        ("{{choice([1], [2])}}", "too many"),
        ("{{choice([[64, 32], [32]])}}", "let the choice be of names"),
        ("{{choice([Dropout(0.5)])}}", "Dropout(0.5) is no literal"),
        ("{{choice([9**9**9])}}", "9**9**9 is too large: write an exponent of at most 1,000"),
        ("{{choice([2**1000])}}", "within ±2^53"),
        ("{{choice([2.0**999 * 2.0**999])}}", "finite"),
        ("{{choice([10.0**999])}}", "10.0**999 is no finite number"),
        ("{{choice([1/0])}}", "1/0 is no finite number"),
        ("{{choice([(-8)**0.5])}}", "not a complex"),
        ("{{choice(['a'*9])}}", "must be a number, not 'a'"),
        ("{{choice([1 << 99])}}", "1 << 99 is no literal"),
        ("{{choice([" + "1+" * 200 + "1])}}", "more than 100 levels"),
        ("{{choice([().__class__])}}", "().__class__ is no literal"),
        ("{{choice([f'{1}'])}}", "is no literal"),
        ("{{choice([1j])}}", "1j is no literal"),
        ("{{choice([b'a'])}}", "is no literal"),
        ("{{choice([-True])}}", "must be a number, not True"),
        ("{{choice([1, 1])}}", "distinct"),
        ("{{choice(*[1])}}", "choice takes a list"),
        ("{{choice(**{})}}", "unpacked"),
        ("{{uniform(low=1, low=2)}}", "once"),
        ("{{uniform(0)}}", "write uniform(low, high): missing a required argument: 'high'"),
        ("{{uniform(0, 1, size=3)}}", "unexpected keyword argument 'size'"),
        ("{{uniform('x', 0, 1)}}", "must be a number, not 'x'"),
        ("{{uniform(False, 1)}}", "must be a number"),
        ("{{uniform(1, 0)}}", "low must be below high"),
        ("{{uniform(0, 1e999)}}", "finite"),
        ("{{loguniform(0, 1000)}}", "exp(1000) is no usable number"),
        ("{{loguniform(-1000, 0)}}", "exp(-1000) is no usable number"),
        ("{{quniform(1, 10, 0)}}", "above 0"),
        ("{{normal(0, 0)}}", "above 0"),
        ("{{randint(0)}}", "an end above 0"),
        ("{{randint(2.5)}}", "whole numbers"),
        ("{{choice([" + "(" * 500 + "1" + ")" * 500 + "])}}", "too many nested parentheses"),
        ("{{choice([" + "-" * 9_000 + "1])}}", "nested too deep"),
        ("{{" + "1+" * 4_000 + "1}}", "nested too deep"),
        ("{{choice(['\ud800'])}}", "can't read"),
        ("{{choice([1\0])}}", "null bytes"),
        ("{{choice([" + "9" * 5_000 + "])}}", "isn't a Python expression"),
        ("{{choice([" + "1," * 5_000 + "])}}", "at most 10000 characters"),
    ],
    ids=lambda text: text[:40].encode("unicode_escape").decode(),
)
def test_what_isnt_a_call_with_literals_is_refused_with_advice(text, words):
    with pytest.raises(InvalidInput) as caught:
        parse_hyperas(text)
    (problem,) = caught.value.problems
    assert problem.pointer == ""
    assert words in problem.detail
    assert len(problem.detail) < 400


PIECES = [*DISTRIBUTIONS, "(", ")", "[", "]", ",", "0", "1", "-", "1e9", "'a'", "None",
          "True", "*", "**", "é", "=", "low", ".", " ", "\n", "\\", "{", "}", ":", "#",
          "(0, 1)", "([1, 2])", "10**-3"]  # fmt: skip


def read_or_refuse(inside):
    try:
        parameter = parse_hyperas("{{" + inside + "}}")
    except InvalidInput:
        return
    drawn = parameter.draw(Random(0))
    assert parameter.allow(drawn) == drawn


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.text()))
@example("choice(['\\d'])")
@example("choice([1,2])if 1 else 2")
def test_whatever_stands_between_the_braces_is_read_or_refused(inside):
    read_or_refuse(inside)


def test_of_a_hundred_thousand_texts_each_is_read_or_refused():
    rng = Random(0)
    for _ in range(100_000):
        pieces = rng.choices(PIECES, k=rng.randrange(25))
        if rng.random() < 0.2:
            pieces.append(chr(rng.randrange(0x11_0000)))
        read_or_refuse("".join(pieces))


@pytest.mark.parametrize(
    "code",
    ["open('{path}', 'w')", "choice([open('{path}', 'w')])", "choice([1], open('{path}', 'w'))",
     "uniform(*open('{path}', 'w'))", "choice(options=[x for x in open('{path}', 'w')])",
     "choice([f\"{{open('{path}', 'w')}}\"])", "open('{path}', 'w').choice([1])",
     "choice([(y := open('{path}', 'w'))])", "(lambda: open('{path}', 'w'))()"],
)  # fmt: skip
def test_no_code_between_the_braces_is_ever_run(tmp_path, code):
    path = tmp_path / "made"
    with pytest.raises(InvalidInput):
        parse_hyperas("{{" + code.format(path=path) + "}}")
    assert not path.exists()
