"""Which statements of a model function build the model, and which train it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import libcst as cst

from kerasearch.service.hyperas.names_in_scope import Imports
from kerasearch.service.hyperas.notes import CannotImport, Note
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import (
    Statement,
    argument,
    calls,
    dotted,
    mutated,
    reads,
    returned_items,
    simple,
    writes,
)

FITS = ("fit", "fit_generator")
BY_HAND = ("train_on_batch", "GradientTape")


@dataclass(frozen=True)
class Sliced:
    """A model function in two.

    Attributes:
        model: The variable that holds the model.
        building: Statements that make and compile it.
        training: Statements up to the last call of its `fit`, and what these need; empty where
            the function doesn't train.
        fits: These calls.
        after: Statements that come after, but for the return.
    """

    model: str
    building: list[Statement]
    training: list[Statement]
    fits: list[cst.Call]
    after: list[Statement]


def slice_model(
    script: Script,
    imports: Imports,
    function: cst.FunctionDef,
    statements: Sequence[Statement],
    notes: list[Note],
) -> Sliced:
    """Divide a model function's statements.

    Raises:
        CannotImport: Building and training can't be told apart.
    """
    model = _model_variable(script, function, statements)
    for call in calls(function):
        if dotted(call.func).endswith(BY_HAND):
            raise CannotImport(
                f"{script.path}: {script.place(script.line(call))}: it trains by hand; only what "
                f"calls {model}.fit can be searched: write the steps as a keras.Model's train_step"
            )
    body = [s for s in statements if not isinstance(simple(s), cst.Return)]
    fits = [
        call
        for call in calls(function)
        if dotted(call.func) in [f"{model}.{method}" for method in FITS]
    ]
    at = [index for index, s in enumerate(body) if any(c in fits for c in calls(s))]
    first, last = (at[0], at[-1]) if at else (len(body), len(body) - 1)
    if at and any(model in _assigned(script, s) for s in body[first : last + 1]):
        line = script.line(body[first])
        raise CannotImport(
            f"{script.path}: {script.place(line)}: {model} is made and trained in one block; "
            "make it before, so that building and training can be told apart"
        )
    trained = body[first : last + 1]
    needed = _needed(script, body[:first], reads(script, trained) - {model}, but=model)
    built = _needed(script, body[:first], {model})
    _warn_of_parts(script, imports, [s for s in needed if s in built], model, notes)
    building = _with_bystanders(script, body[:first], built, needed, bool(trained), notes)
    training = [s for s in body[:first] if s in needed] + trained if trained else []
    return Sliced(model, building, training, fits, body[last + 1 :])


def _assigned(script: Script, node: cst.CSTNode) -> set[str]:
    return writes(script, node)


def _model_variable(
    script: Script, function: cst.FunctionDef, statements: Iterable[Statement]
) -> str:
    """What the function returns as 'model', or compiles."""
    returned = returned_items(script, statements).get("model")
    if isinstance(returned, cst.Name):
        return returned.value
    compiled = [c for c in calls(function) if dotted(c.func).endswith(".compile")]
    if compiled:
        return dotted(compiled[-1].func).removesuffix(".compile")
    raise CannotImport(
        f"{script.path}: {script.place(script.line(function))}: which variable of "
        f"{function.name.value} is the model? Let it return {{'loss': ..., 'model': model}}"
    )


def _needed(
    script: Script, statements: Sequence[Statement], names: set[str], but: str = ""
) -> list[Statement]:
    """The statements that give these names their values, what these read included."""
    wanted = {*names}
    found: list[Statement] = []
    for statement in reversed(statements):
        touched = _assigned(script, statement) | mutated(statement)
        if touched & wanted - {but}:
            found.append(statement)
            wanted |= reads(script, [statement]) - {but}
    return found[::-1]


def _with_bystanders(
    script: Script,
    statements: Sequence[Statement],
    built: list[Statement],
    needed: list[Statement],
    trains: bool,
    notes: list[Note],
) -> list[Statement]:
    """What builds, and what does neither, such as a print, where it needs nothing else."""
    elsewhere = {
        name
        for statement in statements
        if statement not in built and statement in needed
        for name in _assigned(script, statement)
    }
    kept = []
    for statement in statements:
        if statement in built:
            kept.append(statement)
        elif not trains or statement not in needed:
            if reads(script, [statement]) & elsewhere:
                notes.append(Note(script.line(statement), "left out: nothing needs it"))
            else:
                kept.append(statement)
    return kept


def _warn_of_parts(
    script: Script, imports: Imports, shared: Iterable[Statement], model: str, notes: list[Note]
) -> None:
    for statement in shared:
        made = [imports.path(c.func) for c in calls(statement)]
        if any(
            p.startswith(("keras.layers.", "keras.models.", "keras.applications")) for p in made
        ):
            text = "this part of the model is read while training, where it would be made anew"
            advice = f"let the training take it from the model: {model}.get_layer(...)"
            notes.append(Note(script.line(statement), text, advice))


def fit_argument(fit: cst.Call, name: str) -> cst.BaseExpression | None:
    """An argument of fit, by its name in any Keras, or where old Keras had it."""
    names = {"epochs": ("epochs", "nb_epoch")}.get(name, (name,))
    position = {"x": 0, "y": 1, "batch_size": 2, "epochs": 3}.get(name)
    if dotted(fit.func).endswith("_generator"):
        position = 0 if name == "x" else None
    return argument(fit, position, *names)
