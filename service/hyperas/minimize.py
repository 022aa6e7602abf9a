"""What a script asks of Hyperas: its call of `optim.minimize`."""

from dataclasses import dataclass

import libcst as cst

from kerasearch.service.hyperas.constants import Unknown, evaluate
from kerasearch.service.hyperas.names_in_scope import Imports
from kerasearch.service.hyperas.notes import CannotImport, Note
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import argument, calls, dotted

SAMPLERS = {"tpe": "tpe", "rand": "random", "anneal": "anneal"}
"""Hyperopt's module to Kerasearch's name."""


_ENSEMBLE = "hyperas.optim.best_ensemble"
_SEARCHES = ("hyperas.optim.minimize", _ENSEMBLE)


@dataclass(frozen=True)
class Asked:
    """A search as the script asks for it.

    Attributes:
        functions: Names of further functions that it hands over.
        data_args: Code of the arguments of `data`.
        trials, seed: None where the script doesn't say, or not so that it can be known unrun.
    """

    model: cst.FunctionDef
    data: cst.FunctionDef
    functions: tuple[str, ...]
    data_args: tuple[str, ...]
    sampler: str
    trials: int | None
    seed: int | None
    line: int


def find_minimize(script: Script, imports: Imports, notes: list[Note]) -> Asked:
    """The script's one call of minimize.

    Raises:
        CannotImport: There is none, or its model or data is no function of the script.
    """
    found = [call for call in calls(script.tree) if imports.path(call.func) in _SEARCHES]
    if not found:
        raise CannotImport(
            f"{script.path}: no call of hyperas's optim.minimize(model=..., data=..., ...) in it"
        )
    call, *others = found
    if imports.path(call.func) == _ENSEMBLE:
        text = "the ensemble isn't built: the search finds its models one by one"
        notes.append(Note(script.line(call), text, "download several trials' models"))
    notes += [
        Note(script.line(other), "a second search is left out", "give it a script of its own")
        for other in others
    ]
    functions = argument(call, 5, "functions")
    names = (
        tuple(dotted(element.value) for element in functions.elements)
        if isinstance(functions, cst.List | cst.Tuple)
        else ()
    )
    return Asked(
        model=_function(script, call, 0, "model"),
        data=_function(script, call, 1, "data"),
        functions=names,
        data_args=_data_args(script, call),
        sampler=_sampler(script, imports, call, notes),
        trials=_whole(script, call, 3, "max_evals", notes),
        seed=_whole(script, call, 6, "rseed", notes),
        line=script.line(call),
    )


def _function(script: Script, call: cst.Call, position: int, role: str) -> cst.FunctionDef:
    value = argument(call, position, role)
    function = script.function(dotted(value)) if value is not None else None
    if function is None:
        what = script.code(value) if value is not None else "nothing"
        raise CannotImport(
            f"{script.path}: {script.place(script.line(call))}: {role} must be a function at the "
            f"top of this script, not {what}; copy it into the script"
        )
    return function


def _data_args(script: Script, call: cst.Call) -> tuple[str, ...]:
    value = argument(call, None, "data_args")
    if isinstance(value, cst.Tuple | cst.List):
        return tuple(script.code(element.value) for element in value.elements)
    return () if value is None else (f"*{script.code(value)}",)


def _sampler(script: Script, imports: Imports, call: cst.Call, notes: list[Note]) -> str:
    value = argument(call, 2, "algo")
    if value is None:
        return "tpe"
    name = value
    if isinstance(value, cst.Call):  # partial(tpe.suggest, n_startup_jobs=10)
        name = argument(value, 0) or value
        text = f"the options in {script.code(value)} aren't carried over"
        notes.append(Note(script.line(value), text, "the job's search.options may say them"))
    module = (imports.path(name) or dotted(name)).removesuffix(".suggest").rpartition(".")[2]
    if module not in SAMPLERS:
        text = f"{script.code(value)} isn't known here; tpe searches instead"
        notes.append(Note(script.line(value), text))
    return SAMPLERS.get(module, "tpe")


def _whole(
    script: Script, call: cst.Call, position: int, name: str, notes: list[Note]
) -> int | None:
    value = argument(call, position, name)
    if value is None:
        return None

    def known(node: cst.BaseExpression) -> object:
        assigned = constant(script, node)
        return assigned if assigned is not None else _raise()

    try:
        number = evaluate(value, known)
    except Unknown:
        number = None
    if isinstance(number, int):
        return number
    text = f"{name}={script.code(value)} isn't written out, so it isn't carried over"
    notes.append(Note(script.line(value), text, "say it in the job file"))
    return None


def _raise() -> object:
    raise Unknown


def constant(script: Script, node: cst.BaseExpression) -> object:
    """The value of a name that the script assigns once, anywhere but in functions; else None."""
    if not isinstance(node, cst.Name):
        return None
    found: list[cst.Assign] = []
    pending: list[cst.CSTNode] = [*script.tree.body]
    while pending:
        each = pending.pop()
        if isinstance(each, cst.FunctionDef | cst.ClassDef):
            continue
        if isinstance(each, cst.Assign) and dotted(each.targets[0].target) == node.value:
            found.append(each)
        pending.extend(each.children)
    try:
        return evaluate(found[0].value) if len(found) == 1 else None
    except Unknown:
        return None
