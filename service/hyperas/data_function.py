"""What a script's data function returns, and which of it are the rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from kerasearch.service.hyperas.minimize import Asked
from kerasearch.service.hyperas.notes import CannotImport
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import argument, calls, dotted, parameter_names

_PARTS = {
    "train": "train",
    "tr": "train",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "te": "test",
}
Pair = tuple[str, str]


@dataclass(frozen=True)
class Returned:
    """What the data function returns.

    Attributes:
        pattern: Code to assign it to: `x_train, y_train, (x_test, y_test)`.
        names: Its names, in order.
    """

    pattern: str
    names: tuple[str, ...]

    def binding(self, wanted: set[str]) -> str:
        """The pattern with what isn't wanted as `_`."""
        bound = re.sub(r"\w+", lambda name: name[0] if name[0] in wanted else "_", self.pattern)
        return re.sub(r"\(_(, _)*\)", "_", bound)


@dataclass(frozen=True)
class Rows:
    """Which of what is returned are examples and labels; a pair is None where there is none."""

    train: Pair
    validation: Pair | None
    test: Pair | None

    @property
    def names(self) -> tuple[str, ...]:
        pairs = [self.train, self.validation, self.test]
        return tuple(name for pair in pairs if pair is not None for name in pair)


def read_returns(script: Script, asked: Asked) -> Returned:
    """The names under which the model function knows the data.

    Hyperas runs the data function's lines before the model's, so its own names count, in whatever
    order the model function lists them. Where it returns something else than names, the model
    function's count, in their order.

    Raises:
        CannotImport: It returns nothing.
    """
    returns = _returns(asked.data)
    values = [r.value for r in returns if r.value is not None]
    if not values:
        raise CannotImport(
            f"{script.path}: {script.place(script.line(asked.data))}: "
            f"{asked.data.name.value} returns nothing; it must return the data"
        )
    wanted = parameter_names(asked.model)
    patterns = {_pattern(value) for value in values}
    if len(patterns) == 1 and (pattern := patterns.pop()):
        names = tuple(re.findall(r"\w+", pattern))
        if {*wanted} <= {*names} and len({*names}) == len(names):
            return Returned(pattern, names)
    return Returned(", ".join(wanted), tuple(wanted))


def _pattern(value: cst.BaseExpression) -> str:
    """The same expression to assign to; empty where it isn't made of names alone."""
    if isinstance(value, cst.Name):
        return value.value
    if isinstance(value, cst.Tuple | cst.List):
        parts = [
            f"({part})" if isinstance(element.value, cst.Tuple | cst.List) else part
            for element in value.elements
            for part in [_pattern(element.value)]
        ]
        return ", ".join(parts) if all(parts) and "()" not in parts else ""
    return ""


def _returns(function: cst.FunctionDef) -> list[cst.Return]:
    class Finder(cst.CSTVisitor):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[cst.Return] = []

        def visit_Return(self, node: cst.Return) -> None:
            self.found.append(node)

        def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
            return node is function

    finder = Finder()
    function.visit(finder)
    return finder.found


def find_rows(script: Script, asked: Asked, returned: Returned, fits: Sequence[cst.Call]) -> Rows:
    """Which names are rows: as the model function fits and judges by them, else as they are called.

    Raises:
        CannotImport: No rows to train on can be made out.
    """
    known = {*returned.names}
    evaluated = [
        pair
        for call in calls(asked.model)
        if dotted(call.func).endswith((".evaluate", ".predict", ".predict_classes"))
        if (pair := _pair(argument(call, 0, "x"), argument(call, 1, "y"), known))
    ]
    called = {part: _called(returned.names, part) for part in ("train", "validation", "test")}
    train, validation = called["train"], None
    for fit in fits:
        train = _pair(argument(fit, 0, "x"), argument(fit, 1, "y"), known) or train
        judged = argument(fit, None, "validation_data")
        if isinstance(judged, cst.Tuple | cst.List) and len(judged.elements) >= 2:
            x, y = judged.elements[0].value, judged.elements[1].value
            validation = _pair(x, y, known) or validation
    if train is None and len(returned.names) == 2:
        train = (returned.names[0], returned.names[1])
    if train is None:
        raise CannotImport(
            f"{script.path}: {script.place(script.line(asked.data))}: which of "
            f"{', '.join(returned.names)} are the rows to train on, and which their labels? "
            "Call them x_train and y_train, one array each"
        )
    test = next((pair for pair in evaluated if pair not in (train, validation)), None)
    if test is None and called["test"] not in (train, validation):
        test = called["test"]
    if validation is None and called["validation"] not in (train, test):
        validation = called["validation"]
    return Rows(train, validation, test)


def _pair(
    x: cst.BaseExpression | None, y: cst.BaseExpression | None, known: set[str]
) -> Pair | None:
    if isinstance(x, cst.Name) and isinstance(y, cst.Name) and {x.value, y.value} <= known:
        return x.value, y.value
    return None


def _called(names: Sequence[str], part: str) -> Pair | None:
    """The examples and labels of a part by their names: `X_val`, `val_labels`."""
    found: dict[str, str] = {}
    for name in names:
        lowered = name.lower()
        word = next((word for word in _PARTS if re.search(rf"(^|_|[xy]){word}", lowered)), None)
        if word is None:
            word = next((w for w in _PARTS if len(w) > 2 and lowered.startswith(w)), None)
        if word is None or _PARTS[word] != part:
            continue
        rest = lowered.replace(word, "", 1).strip("_")
        found.setdefault("y" if rest.startswith(("y", "lab", "target", "out")) else "x", name)
    return (found["x"], found["y"]) if len(found) == 2 else None
