"""Hyperas strings: `{{choice([64, 128])}}` becomes a parameter, read by `ast` and never evaluated.

Each distribution means exactly what Hyperopt 0.3 draws (its `pyll/stochastic.py`).
"""

import ast
import inspect
import math
from collections.abc import Callable
from typing import NoReturn

from kerasearch.searchspaces.parameters import Parameter
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.searchspaces.reading import parse_parameter
from kerasearch.searchspaces.values import Value, plain_value

MAX_LENGTH = 10_000
FORM = "write {{distribution(arguments)}}, such as {{choice([64, 128])}}"

Written = dict[object, object]
"""A parameter in the form that `parse_parameter` reads."""


def is_hyperas(text: str) -> bool:
    return text.lstrip().startswith("{{")


def parse_hyperas(text: str) -> Parameter:
    """The parameter that a string such as `{{uniform(0, 1)}}` describes.

    Raises:
        InvalidInput: It is too long, no call of a known distribution, or its arguments are no
            literals or can't be meant.
    """
    source = _unwrap(text)
    call = _parse_call(source)
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in DISTRIBUTIONS:
        _refuse(unknown("Hyperas distribution", _quoted(source, call.func), DISTRIBUTIONS))
    keywords = [word.arg for word in call.keywords]
    if None in keywords or len({*keywords}) < len(keywords):
        _refuse(f"{name} takes each argument once and by its name, none unpacked with a star")
    read = _read_values if name == "choice" else _read_number
    distribution = DISTRIBUTIONS[name]
    try:
        bound = inspect.signature(distribution).bind(
            *(read(source, arg) for arg in call.args),
            **{str(word.arg): read(source, word.value) for word in call.keywords},
        )
    except TypeError as error:
        usage = ", ".join(inspect.signature(distribution).parameters)
        _refuse(f"write {name}({usage}): {error}")
    try:
        return parse_parameter(distribution(*bound.args, **bound.kwargs))
    except InvalidInput as error:
        reasons = "; ".join(problem.detail for problem in error.problems)
        _refuse(f"{_quoted(source, call)}: {reasons}")


def _refuse(detail: str) -> NoReturn:
    raise InvalidInput.at("", detail)


def _unwrap(text: str) -> str:
    if len(text) > MAX_LENGTH:
        _refuse(f"a Hyperas string has at most {MAX_LENGTH} characters, not {len(text)}")
    if not text.strip().endswith("}}"):
        _refuse(f"the closing }}}} is missing: {FORM}")
    return text.strip().removeprefix("{{").removesuffix("}}").strip()


def _parse_call(source: str) -> ast.Call:
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        _refuse(f"this isn't a Python expression ({error.msg}): {FORM}")
    except (ValueError, RecursionError, MemoryError):
        _refuse(f"this is nested too deep, or holds characters that Python can't read: {FORM}")
    if not isinstance(tree.body, ast.Call):
        _refuse(f"this is no call of a distribution: {FORM}")
    return tree.body


def _quoted(source: str, node: ast.expr) -> str:
    segment = ast.get_source_segment(source, node) or "this"
    return segment if len(segment) <= 60 else segment[:57] + "..."


def _read_literal(source: str, node: ast.expr) -> Value:
    """A literal, a number with a sign included; nothing is computed."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return _checked(value)
        case ast.UnaryOp(
            op=ast.USub() | ast.UAdd() as sign,
            operand=ast.Constant(value=int() | float() as number),
        ) if not isinstance(number, bool):
            return _checked(-number if isinstance(sign, ast.USub) else number)
        case ast.List() | ast.Tuple() | ast.Dict() | ast.Set():
            _refuse(
                f"{_quoted(source, node)} is no single value: let the choice be of names, "
                "and let the model look up what each stands for"
            )
    _refuse(
        f"{_quoted(source, node)} is no literal: write its value out, for nothing is computed here"
    )


def _checked(value: Value) -> Value:
    try:
        return plain_value(value)
    except ValueError as error:
        _refuse(str(error))


def _read_number(source: str, node: ast.expr) -> float:
    value = _read_literal(source, node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"must be a number, not {_quoted(source, node)}")
    return value


def _read_values(source: str, node: ast.expr) -> tuple[Value, ...]:
    if not isinstance(node, ast.List | ast.Tuple):
        _refuse(f"choice takes a list, such as choice([64, 128]), not {_quoted(source, node)}")
    return tuple(_read_literal(source, item) for item in node.elts)


def _exp(logarithm: float) -> float:
    """The bound that Hyperopt means where it takes a logarithm."""
    try:
        bound = math.exp(logarithm)
    except OverflowError:
        bound = math.inf
    if not 0 < bound < math.inf:
        _refuse(f"its bounds are logarithms, and exp({logarithm}) is no usable number")
    return bound


# Named and called as in Hyperopt, whose keyword arguments people use too.


def _choice(options: tuple[Value, ...]) -> Written:
    return {"type": "choice", "values": options}


def _uniform(low: float, high: float) -> Written:
    return {"type": "float", "low": low, "high": high}


def _quniform(low: float, high: float, q: float) -> Written:
    return {**_uniform(low, high), "round_to": q}


def _loguniform(low: float, high: float) -> Written:
    return {**_uniform(_exp(low), _exp(high)), "log": True}


def _qloguniform(low: float, high: float, q: float) -> Written:
    return {**_loguniform(low, high), "round_to": q}


def _normal(mu: float, sigma: float) -> Written:
    return {"type": "normal", "mean": mu, "std": sigma}


def _qnormal(mu: float, sigma: float, q: float) -> Written:
    return {**_normal(mu, sigma), "step": q}


def _lognormal(mu: float, sigma: float) -> Written:
    return {**_normal(mu, sigma), "log": True}


def _qlognormal(mu: float, sigma: float, q: float) -> Written:
    return {**_lognormal(mu, sigma), "step": q}


def _randint(low: float, high: float | None = None) -> Written:
    """[0, low) or [low, high), as numpy's."""
    first, end = (0, low) if high is None else (low, high)
    if not isinstance(first, int) or not isinstance(end, int):
        _refuse("randint takes whole numbers")
    if end <= first:
        _refuse(f"randint needs an end above {first}, itself excluded, not {end}")
    if end == first + 1:
        return _choice((first,))
    return {"type": "int", "low": first, "high": end - 1}


DISTRIBUTIONS: dict[str, Callable[..., Written]] = {
    "choice": _choice,
    "uniform": _uniform,
    "quniform": _quniform,
    "loguniform": _loguniform,
    "qloguniform": _qloguniform,
    "normal": _normal,
    "qnormal": _qnormal,
    "lognormal": _lognormal,
    "qlognormal": _qlognormal,
    "randint": _randint,
}
