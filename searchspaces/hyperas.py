"""Hyperas strings: `{{choice([64, 128])}}` becomes a parameter, read by `ast` and never evaluated.

Each distribution means exactly what Hyperopt 0.3 draws (its `pyll/stochastic.py`).
"""

import ast
import inspect
import math
from collections.abc import Callable

from kerasearch.searchspaces.expressions import (
    parse_expression,
    quoted,
    read_literal,
    read_number,
    refuse,
)
from kerasearch.searchspaces.parameters import Parameter
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.searchspaces.reading import parse_parameter
from kerasearch.searchspaces.values import Value

MAX_LENGTH = 10_000
FORM = "write {{distribution(arguments)}}, such as {{choice([64, 128])}}"

Written = dict[object, object]
"""A parameter in the form that `parse_parameter` reads."""


def is_hyperas(text: str) -> bool:
    return text.lstrip().startswith("{{")


def parse_hyperas(text: str) -> Parameter:
    """The parameter that a string such as `{{uniform(0, 1)}}` describes.

    Raises:
        InvalidInput: It is too long, no call of a known distribution, or its arguments are neither
            literals nor arithmetic with them, or can't be meant.
    """
    source = _unwrap(text)
    call = _parse_call(source)
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in DISTRIBUTIONS:
        refuse(unknown("Hyperas distribution", quoted(source, call.func), DISTRIBUTIONS))
    keywords = [word.arg for word in call.keywords]
    if None in keywords or len({*keywords}) < len(keywords):
        refuse(f"{name} takes each argument once and by its name, none unpacked with a star")
    read = _read_values if name == "choice" else read_number
    distribution = DISTRIBUTIONS[name]
    try:
        bound = inspect.signature(distribution).bind(
            *(read(source, arg) for arg in call.args),
            **{str(word.arg): read(source, word.value) for word in call.keywords},
        )
    except TypeError as error:
        usage = ", ".join(inspect.signature(distribution).parameters)
        refuse(f"write {name}({usage}): {error}")
    try:
        return parse_parameter(distribution(*bound.args, **bound.kwargs))
    except InvalidInput as error:
        reasons = "; ".join(problem.detail for problem in error.problems[:3])
        refuse(f"{quoted(source, call)}: {reasons}")


def _unwrap(text: str) -> str:
    if len(text) > MAX_LENGTH:
        refuse(f"a Hyperas string has at most {MAX_LENGTH} characters, not {len(text)}")
    if not text.strip().endswith("}}"):
        refuse(f"the closing }}}} is missing: {FORM}")
    return text.strip().removeprefix("{{").removesuffix("}}").strip()


def _parse_call(source: str) -> ast.Call:
    tree = parse_expression(source, FORM)
    if not isinstance(tree, ast.Call):
        refuse(f"this is no call of a distribution: {FORM}")
    return tree


def _read_values(source: str, node: ast.expr) -> tuple[Value, ...]:
    if not isinstance(node, ast.List | ast.Tuple):
        refuse(f"choice takes a list, such as choice([64, 128]), not {quoted(source, node)}")
    return tuple(read_literal(source, item) for item in node.elts)


def _exp(logarithm: float) -> float:
    """The bound that Hyperopt means where it takes a logarithm."""
    try:
        bound = math.exp(logarithm)
    except OverflowError:
        bound = math.inf
    if not 0 < bound < math.inf:
        refuse(f"its bounds are logarithms, and exp({logarithm}) is no usable number")
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
        refuse("randint takes whole numbers")
    if end <= first:
        refuse(f"randint needs an end above {first}, itself excluded, not {end}")
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
