"""Python expressions as users write them, read by `ast`: no code of theirs ever runs."""

import ast
import operator
import warnings
from collections.abc import Callable
from typing import NoReturn

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.values import Value, plain_value

MAX_DEPTH = 100  # of nesting; a sum nests once a term
MAX_EXPONENT = 1_000  # 2 ** 1000 takes no time, and is no usable number any more

FILE = "<expression>"
# What Python would warn of on stderr, such as 1if for 1 if, is refused like other bad syntax.
warnings.filterwarnings("error", category=Warning, module=FILE)

ARITHMETIC: dict[type[ast.operator], Callable[[float, float], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}


def refuse(detail: str) -> NoReturn:
    raise InvalidInput.at("", detail)


def parse_expression(source: str, form: str) -> ast.expr:
    """The tree of an expression.

    Args:
        source: Of bounded length: reading takes time and stack in proportion.
        form: What to write instead, for the error.

    Raises:
        InvalidInput: It is no Python expression, or nested too deep.
    """
    try:
        tree = ast.parse(source, FILE, mode="eval").body
    except SyntaxError as error:
        refuse(f"this isn't a Python expression ({error.msg}): {form}")
    except (ValueError, RecursionError, MemoryError):
        refuse(f"this is nested too deep, or holds characters that Python can't read: {form}")
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        refuse(f"this is nested too deep, by more than {MAX_DEPTH} levels: {form}")
    return tree


def quoted(source: str, node: ast.expr) -> str:
    """A part of the source for an error message, of bounded length."""
    segment = ast.get_source_segment(source, node) or "this"
    return segment if len(segment) <= 60 else segment[:57] + "..."


def read_literal(source: str, node: ast.expr) -> Value:
    """The value of a literal, or of arithmetic with literal numbers, such as `10**-3`.

    Raises:
        InvalidInput: It is something else, or no usable number comes out.
    """
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return _usable(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -read_number(source, operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return read_number(source, operand)
        case ast.BinOp(left=left, op=op, right=right) if compute := ARITHMETIC.get(type(op)):
            one, other = read_number(source, left), read_number(source, right)
            if isinstance(op, ast.Pow) and abs(other) > MAX_EXPONENT:
                refuse(f"{quoted(source, node)} is too large: write an exponent of at most 1,000")
            try:
                return _usable(compute(one, other))
            except (ZeroDivisionError, OverflowError):
                refuse(f"{quoted(source, node)} is no finite number")
        case ast.List() | ast.Tuple() | ast.Dict() | ast.Set():
            refuse(
                f"{quoted(source, node)} is no single value: let the choice be of names, "
                "and let the model look up what each stands for"
            )
    refuse(
        f"{quoted(source, node)} is no literal: write its value out, "
        "for nothing but arithmetic with numbers is computed here"
    )


def read_number(source: str, node: ast.expr) -> float:
    value = read_literal(source, node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(f"must be a number, not {quoted(source, node)}")
    return value


def _usable(value: object) -> Value:
    try:
        return plain_value(value)
    except ValueError as error:
        refuse(str(error))
