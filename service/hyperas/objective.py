"""What the loss that a model function returned means."""

from collections.abc import Iterable
from typing import Literal

import libcst as cst
import libcst.matchers as m

from kerasearch.service.hyperas.notes import Note
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import (
    Statement,
    argument,
    calls,
    dotted,
    inside,
    returned_items,
)

Metric = Literal["val_accuracy", "val_loss"]

_ACCURACIES = frozenset(
    {
        "val_acc",
        "val_accuracy",
        "val_binary_accuracy",
        "val_categorical_accuracy",
        "val_sparse_categorical_accuracy",
    }
)
_EXTREMES = frozenset({"max", "amax", "min", "amin", "last"})


def find_objective(
    script: Script, function: cst.FunctionDef, statements: Iterable[Statement], notes: list[Note]
) -> Metric:
    """The metric to search by; a note where the script computes something of its own."""
    returned = returned_items(script, statements).get("loss")
    if returned is not None:
        metric = _metric(script, function, returned)
        if metric is not None:
            return metric
    fallback: Metric = "val_accuracy" if _measures_accuracy(function) else "val_loss"
    line = script.line(returned if returned is not None else function)
    what = f"the loss {script.code(returned)}" if returned is not None else "the returned loss"
    text = f"{what} is computed by the script itself; the search goes by {fallback} instead"
    advice = (
        "compile the model with a metric that says it and search by val_loss or val_accuracy, "
        "or let the HyperModel's fit return the number"
    )
    notes.append(Note(line, text, advice))
    return fallback


def _metric(script: Script, function: cst.FunctionDef, loss: cst.BaseExpression) -> Metric | None:
    negated = False
    if isinstance(loss, cst.UnaryOperation) and isinstance(loss.operator, cst.Minus):
        negated, loss = True, loss.expression
    elif m.matches(loss, m.BinaryOperation(m.Integer("1"), m.Subtract())):
        negated, loss = True, cst.ensure_type(loss, cst.BinaryOperation).right
    meant = _meaning(function, loss, depth=0)
    # A loss is minimized, so an accuracy must come negated and a loss as it is.
    return meant if meant is not None and negated == (meant == "val_accuracy") else None


def _meaning(function: cst.FunctionDef, node: cst.BaseExpression, depth: int) -> Metric | None:
    """Which of the two a value is, followed through the function's assignments."""
    if depth > 5:  # scripts name it once or twice on its way
        return None
    match node:
        case cst.Name():
            return _assigned(function, node.value, depth)
        case cst.Subscript() if (at := _index(node)) is not None:
            if at in ("0", "1") and _is_evaluation(function, node.value):
                return "val_loss" if at == "0" else "val_accuracy"
            if dotted(node.value).endswith(".history") or _is_history(function, node.value):
                return _of_history(at)
            return _meaning(function, node.value, depth + 1) if at == "-1" else None
        case cst.Call() if dotted(node.func).rpartition(".")[2] in _EXTREMES:
            inner = argument(node, 0)
            return _meaning(function, inner, depth + 1) if inner is not None else None
    return None


def _index(node: cst.Subscript) -> str | None:
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return cst.Module([]).code_for_node(node.slice[0].slice.value).strip("'\"")
    return None


def _of_history(key: str) -> Metric | None:
    if key in _ACCURACIES:
        return "val_accuracy"
    return "val_loss" if key == "val_loss" else None


def _assigned(function: cst.FunctionDef, name: str, depth: int) -> Metric | None:
    for assignment in reversed([*inside(function, cst.Assign)]):
        target = assignment.targets[0].target
        if isinstance(target, cst.Name) and target.value == name:
            return _meaning(function, assignment.value, depth + 1)
        if isinstance(target, cst.Tuple | cst.List) and _evaluates(assignment.value):
            names = [dotted(element.value) for element in target.elements]
            if name in names[:2]:
                return "val_loss" if names.index(name) == 0 else "val_accuracy"
    return None


def _is_evaluation(function: cst.FunctionDef, node: cst.BaseExpression) -> bool:
    if _evaluates(node):
        return True
    return any(_evaluates(value) for value in _values_of(function, node))


def _is_history(function: cst.FunctionDef, node: cst.BaseExpression) -> bool:
    return any(dotted(value).endswith(".history") for value in _values_of(function, node))


def _values_of(function: cst.FunctionDef, node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """What is assigned to a name."""
    assignments = inside(function, cst.Assign)
    name = dotted(node)
    return [a.value for a in assignments if name and dotted(a.targets[0].target) == name]


def _evaluates(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and dotted(node.func).endswith(
        (".evaluate", ".evaluate_generator")
    )


def _measures_accuracy(function: cst.FunctionDef) -> bool:
    code = "".join(
        cst.Module([]).code_for_node(c)
        for c in calls(function)
        if dotted(c.func).endswith("compile")
    )
    return "acc" in code
