"""Comparisons of parameters, as constraints write them: `cell == 'lstm' and layers * units <= 256`.

Python's own grammar of comparisons, arithmetic, `in`, `and`, `or` and `not`, between parameters,
numbers and texts. It is read into functions of params and never evaluated as code.

- Arithmetic is of doubles: what is too large is infinite, and what isn't defined, such as `1 / 0`,
  compares as Python's NaN does.
- A comparison with a parameter that isn't active, or by size with one that is null, is undecided:
  there is nothing to compare. `and`, `or` and `not` then answer what is certain all the same
  (Kleene's three-valued logic).
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import NamedTuple

from kerasearch.searchspaces.conditions import refusal
from kerasearch.searchspaces.expressions import parse_expression, quoted, refuse
from kerasearch.searchspaces.parameters import Choice, Parameter
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.searchspaces.values import Value, as_number, identity, plain_value

MAX_LENGTH = 500
FORM = "write a comparison, such as layers * units <= 256"
ONE_EQUALS = re.compile(r"[^=!<>]=[^=]")

Given = Mapping[str, Value]
Test = Callable[[Given], bool | None]
"""Whether params pass; None where they leave it undecided."""

BY_SIZE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}


class _Undecided(Exception):  # noqa: N818 - no error: every comparison catches it
    """A value is needed that these params don't have."""


class _Term(NamedTuple):
    """What is compared, and what it can be: `float` stands for all numbers."""

    value: Callable[[Given], Value]
    types: frozenset[type]

    def __str__(self) -> str:
        words = {bool: "true or false", float: "a number", str: "a text", NoneType: "null"}
        return " or ".join(word for kind, word in words.items() if kind in self.types)


def read_test(text: str, parameters: Mapping[str, Parameter]) -> tuple[Test, tuple[str, ...]]:
    """The test that a text describes, and the parameters that it names.

    Raises:
        InvalidInput: It is too long or too deep, no comparison, names an unknown parameter, or
            compares what can't be compared.
    """
    if len(text) > MAX_LENGTH:
        refuse(f"a constraint has at most {MAX_LENGTH} characters, not {len(text)}")
    form = f"{FORM}, or layers == 3" if ONE_EQUALS.search(text) else FORM
    tree = parse_expression(text, form)
    names = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return _Reader(text, parameters).test(tree), tuple(names)


@dataclass(frozen=True)
class _Reader:
    """Reads the nodes of one text; whatever isn't named here is refused."""

    source: str
    parameters: Mapping[str, Parameter]

    def test(self, node: ast.expr) -> Test:
        match node:
            case ast.BoolOp(op=op, values=values):
                tests = [self.test(value) for value in values]
                return _any_of(tests) if isinstance(op, ast.Or) else _all_of(tests)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _not(self.test(operand))
            case ast.Compare(left=left, ops=ops, comparators=rights):
                links = zip([left, *rights], ops, rights, strict=False)
                return _all_of([self._comparison(*link) for link in links])
            case ast.Name():
                flag = self._term(node)
                if flag.types == {bool}:
                    return _decided(lambda params: flag.value(params) is True)
                refuse(f"{node.id} is {flag}: compare it with something")
        raise InvalidInput.at("", f"{self._quoted(node)} is neither true nor false: {FORM}")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Test:
        if compare := BY_SIZE.get(type(op)):
            one, other = self._number(left), self._number(right)
            return _decided(lambda params: compare(one(params), other(params)))
        match op, right:
            case ((ast.Eq() | ast.NotEq()), _):
                rights = [right]
            case ((ast.In() | ast.NotIn()), (ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_]))):
                rights = right.elts
            case ((ast.In() | ast.NotIn()), _):
                refuse(f"'in' takes a list, such as [1, 2], not {self._quoted(right)}")
            case _:
                refuse("compare by ==, !=, <, <=, >, >=, in or not in alone")
        test = _any_of([self._equality(left, item) for item in rights])
        return _not(test) if isinstance(op, ast.NotEq | ast.NotIn) else test

    def _equality(self, left: ast.expr, right: ast.expr) -> Test:
        one, other = self._term(left), self._term(right)
        match left, right:
            # A text that a parameter never has is a slip of the pen; a number may well be a bound.
            case (ast.Name(id=name), ast.Constant(value=str(text))) | (
                ast.Constant(value=str(text)),
                ast.Name(id=name),
            ):
                if why := refusal(self.parameters[name], text):
                    refuse(f"{name} {why}")
        if one.types.isdisjoint(other.types):
            what = f"{self._quoted(left)} is {one}, and {self._quoted(right)} is {other}"
            refuse(f"{what}: they are never equal")
        return _decided(lambda params: identity(one.value(params)) == identity(other.value(params)))

    def _number(self, node: ast.expr) -> Callable[[Given], float]:
        term = self._term(node)
        if float not in term.types or not term.types <= {float, NoneType}:
            refuse(f"{self._quoted(node)} must be a number here, and is {term}")

        def number(params: Given) -> float:
            if (value := term.value(params)) is None:
                raise _Undecided
            return float(as_number(value))

        return number

    def _term(self, node: ast.expr) -> _Term:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as literal):
                return _literal(literal)
            case ast.Name(id=name):
                return self._parameter(name)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return _Term(self._number(operand), frozenset({float}))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                number = self._number(operand)
                return _Term(lambda params: -number(params), frozenset({float}))
            case ast.BinOp(left=left, op=op, right=right) if compute := ARITHMETIC.get(type(op)):
                one, other = self._number(left), self._number(right)
                return _Term(
                    lambda params: _computed(compute, one(params), other(params)),
                    frozenset({float}),
                )
        raise InvalidInput.at(
            "",
            f"{self._quoted(node)} can't stand here: a constraint takes parameters, numbers, "
            "texts, arithmetic, comparisons, and, or, not",
        )

    def _parameter(self, name: str) -> _Term:
        if name not in self.parameters:
            refuse(unknown("parameter", name, self.parameters))
        parameter = self.parameters[name]
        values = parameter.values if isinstance(parameter, Choice) else (0.0,)

        def value(params: Given) -> Value:
            if name not in params:
                raise _Undecided
            return params[name]

        return _Term(value, frozenset(_type(value) for value in values))

    def _quoted(self, node: ast.expr) -> str:
        return quoted(self.source, node)


def _literal(literal: Value) -> _Term:
    try:
        value = plain_value(literal)
    except ValueError as error:
        refuse(str(error))
    return _Term(lambda _: value, frozenset({_type(value)}))


def _type(value: Value) -> type:
    return float if type(value) is int else type(value)


def _computed(compute: Callable[[float, float], float], one: float, other: float) -> float:
    try:
        return compute(one, other)
    except OverflowError:  # of a power alone
        return math.inf if one > 0 or other % 2 == 0 else -math.inf
    except (ZeroDivisionError, ValueError):
        return math.nan


def _decided(compare: Callable[[Given], bool]) -> Test:
    def test(params: Given) -> bool | None:
        try:
            return compare(params)
        except _Undecided:
            return None

    return test


def _not(test: Test) -> Test:
    def opposite(params: Given) -> bool | None:
        answer = test(params)
        return None if answer is None else not answer

    return opposite


def _all_of(tests: Iterable[Test]) -> Test:
    return _not(_any_of([_not(test) for test in tests]))


def _any_of(tests: Iterable[Test]) -> Test:
    tests = tuple(tests)

    def test(params: Given) -> bool | None:
        answers = {part(params) for part in tests}
        return True if True in answers else None if None in answers else False

    return test
