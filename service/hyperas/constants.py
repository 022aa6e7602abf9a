"""Values of expressions that can be known unrun: literals and their arithmetic."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import libcst as cst

from kerasearch.service.hyperas.syntax import argument, dotted

Known = Callable[[cst.BaseExpression], object]
"""The value of a name or template; raises Unknown."""

LARGEST_POWER = 1000  # 9**9**9 would take for ever

_NUMERIC: Mapping[type[cst.CSTNode], Callable[[float, float], float]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: operator.truediv,
    cst.FloorDivide: operator.floordiv,
    cst.Modulo: operator.mod,
    cst.Power: operator.pow,
}
_COMPARING: Mapping[type[cst.CSTNode], Callable[[Any, Any], bool]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.Is: operator.eq,  # of None, booleans and interned text, as far as scripts use it
    cst.IsNot: operator.ne,
    cst.In: lambda item, items: bool(item in items),
    cst.NotIn: lambda item, items: bool(item not in items),
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "int": int,
    "float": float,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "sqrt": math.sqrt,
}


class Unknown(Exception):  # noqa: N818 - it is no error of anybody's
    """The value can't be known without running the script."""


def unknown(node: cst.BaseExpression) -> object:
    """Knows no name."""
    raise Unknown


def evaluate(node: cst.BaseExpression, known: Known = unknown) -> object:
    """The value of an expression of literals, arithmetic and comparisons.

    Raises:
        Unknown: It holds something else, or can't be computed.
    """
    try:
        return _evaluate(node, known)
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise Unknown from error


def _evaluate(node: cst.BaseExpression, known: Known) -> object:
    match node:
        case cst.Integer() | cst.Float() | cst.SimpleString() | cst.ConcatenatedString():
            return node.evaluated_value
        case cst.Name(value="True" | "False" | "None" as word):
            return {"True": True, "False": False, "None": None}[word]
        case cst.List() | cst.Tuple():
            items = [_evaluate(element.value, known) for element in node.elements]
            return items if isinstance(node, cst.List) else tuple(items)
        case cst.UnaryOperation(operator=cst.Minus() | cst.Plus() | cst.Not() as sign):
            value = _evaluate(node.expression, known)
            if isinstance(sign, cst.Not):
                return not value
            return -_number(value) if isinstance(sign, cst.Minus) else _number(value)
        case cst.BinaryOperation() if type(node.operator) in _NUMERIC:
            left = _number(_evaluate(node.left, known))
            right = _number(_evaluate(node.right, known))
            if isinstance(node.operator, cst.Power) and max(abs(left), abs(right)) > LARGEST_POWER:
                raise Unknown
            return _NUMERIC[type(node.operator)](left, right)
        case cst.BooleanOperation():
            value = _evaluate(node.left, known)
            decided = bool(value) == isinstance(node.operator, cst.Or)
            return value if decided else _evaluate(node.right, known)
        case cst.Comparison():
            return _compare(node, known)
        case cst.Call() if len(node.args) == 1:
            function = _FUNCTIONS.get(dotted(node.func).rpartition(".")[2])
            inner = argument(node, 0)
            if function and inner is not None:
                return function(_number(_evaluate(inner, known)))
    return known(node)


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise Unknown
    return value


def _compare(node: cst.Comparison, known: Known) -> bool:
    left = _evaluate(node.left, known)
    for target in node.comparisons:
        compare = _COMPARING.get(type(target.operator))
        if compare is None:
            raise Unknown
        right = _evaluate(target.comparator, known)
        if not compare(left, right):
            return False
        left = right
    return True
