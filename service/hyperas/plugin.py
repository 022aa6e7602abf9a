"""The plugin's module: what the script keeps of itself, and what its model function becomes."""

import builtins
import symtable
from collections.abc import Iterable, Mapping, Sequence

import libcst as cst

from kerasearch.service.hyperas.assembling import Assembled
from kerasearch.service.hyperas.minimize import Asked
from kerasearch.service.hyperas.modernizing import PREDICT_CLASSES, Modernizer
from kerasearch.service.hyperas.notes import Note
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import (
    DROPPED,
    Statement,
    dotted,
    inside,
    simple,
    writes_at_top,
)

OWN_IMPORTS = {
    "functools": "import functools",
    "keras": "import keras",
    "keras_tuner": "import keras_tuner",
    "math": "import math",
}


def write_module(
    script: Script,
    docstring: str,
    assembled: Assembled,
    asked: Asked,
    modernizer: Modernizer,
    notes: list[Note],
) -> tuple[str, list[Statement]]:
    """The module's code, and those statements of the script's top that are in it.

    Args:
        script: Gives what the functions need: imports, constants, helpers; nothing else of it.
        docstring: Its first lines.
        assembled: What is new.
        asked: Says which functions these replace, and which are wanted whatever needs them.
        modernizer: For the script.
        notes: What is left out is added.
    """
    new: list[Statement] = []
    imports: list[Statement] = []
    for statement in assembled.functions:
        (imports if _is_import(statement) else new).extend(_modern(statement, modernizer))
    needed, kept = _closure(script, new, asked, notes)
    body: list[Statement] = []
    for statement in kept:
        pruned = _pruned(statement, needed)
        if pruned is not None:
            renamed = pruned.visit(_Renamer(assembled.renamed))
            assert isinstance(renamed, Statement)  # noqa: S101 - a name alone is another
            (imports if _is_import(statement) else body).extend(_modern(renamed, modernizer))
    if modernizer.predicts_classes:
        body.append(cst.parse_statement(PREDICT_CLASSES))
    read = global_names(cst.Module([*body, *new]).code)
    bound = {name for s in [*imports, *body] for name in _bound(s)}
    own = [code for name, code in OWN_IMPORTS.items() if name in read and name not in bound]
    header = "\n".join(own)
    text = cst.Module(
        [
            *cst.parse_module(f'"""{docstring}"""\n\n{header}\n').body,
            *(_bare(s) for s in imports),
            *(_apart(s, is_first=i == 0) for i, s in enumerate([*body, *new])),
        ],
        header=[line for line in script.tree.header if _is_prose(line)],
    ).code
    _tell_missing(script, text, notes)
    return text, kept


def _is_prose(line: cst.EmptyLine) -> bool:
    """Whether a line before everything else is a comment for people."""
    text = line.comment.value if line.comment is not None else ""
    return bool(text) and not text.startswith("#!") and "coding" not in text


def _is_import(statement: Statement) -> bool:
    return isinstance(simple(statement), cst.Import | cst.ImportFrom)


def _modern(statement: Statement, modernizer: Modernizer) -> list[Statement]:
    result = statement.visit(modernizer)
    if isinstance(result, cst.FlattenSentinel):
        return [s for s in result if isinstance(s, Statement)]
    return [result] if isinstance(result, Statement) else []


class _Renamer(cst.CSTTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.BaseStatement:
        new = self._names.get(updated_node.name.value)
        return updated_node.with_changes(name=cst.Name(new)) if new else updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        new = self._names.get(dotted(updated_node.func))
        return updated_node.with_changes(func=cst.Name(new)) if new else updated_node


def _closure(
    script: Script,
    new: Sequence[Statement],
    asked: Asked,
    notes: list[Note],
) -> tuple[set[str], list[Statement]]:
    """Names that the new statements need, and the script's statements that give them, in order."""
    replaced = {asked.model.name.value, asked.data.name.value}
    candidates = [
        (statement, {*writes_at_top(script, statement)})
        for statement in script.tree.body
        if not (isinstance(statement, cst.FunctionDef) and statement.name.value in replaced)
        and not _is_main(script, statement)
    ]
    main = [s for s in script.tree.body if isinstance(s, cst.If) and _is_main(script, s)]
    needed = global_names(cst.Module([*new]).code) | {*asked.functions}
    kept: set[int] = set()
    while True:
        added = [
            index
            for index, (_, bound) in enumerate(candidates)
            if index not in kept and (bound & needed or "*" in bound)
        ]
        if not added:
            break
        kept |= {*added}
        for index in added:
            needed |= global_names(cst.Module([candidates[index][0]]).code)
    unneeded = [s for index, (s, _) in enumerate(candidates) if index not in kept]
    _tell_left_out(script, asked, [*unneeded, *main], notes)
    _tell_running(script, [candidates[i][0] for i in sorted(kept)], notes)
    _tell_of_neighbours(script, [candidates[i][0] for i in sorted(kept)], notes)
    return needed, [candidates[index][0] for index in sorted(kept)]


def _is_main(script: Script, statement: Statement) -> bool:
    return isinstance(statement, cst.If) and "__name__" in script.code(statement.test)


def _pruned(statement: Statement, needed: set[str]) -> Statement | None:
    """An import without what nobody needs."""
    small = simple(statement)
    if not isinstance(small, cst.Import | cst.ImportFrom) or isinstance(
        small.names, cst.ImportStar
    ):
        return statement
    names = [
        alias
        for alias in small.names
        if (alias.evaluated_alias or alias.evaluated_name.partition(".")[0]) in needed
        and alias.evaluated_name.partition(".")[0] not in DROPPED
    ]
    if not names:
        return None
    names[-1] = names[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    line = cst.ensure_type(statement, cst.SimpleStatementLine)
    changed = small.with_changes(names=names)
    if isinstance(changed, cst.ImportFrom):
        changed = changed.with_changes(lpar=None, rpar=None)
    return line.with_changes(body=[changed])


def _tell_of_neighbours(script: Script, statements: Iterable[Statement], notes: list[Note]) -> None:
    for statement in statements:
        small = simple(statement)
        if isinstance(small, cst.Import):
            roots = {alias.evaluated_name.partition(".")[0] for alias in small.names}
        elif isinstance(small, cst.ImportFrom):
            roots = {dotted(small.module).partition(".")[0] if small.module else "."}
        else:
            continue
        beside = [script.path.parent / root for root in roots]
        if any(path.is_dir() or path.with_suffix(".py").is_file() for path in beside):
            text = f"{script.code(small)}: a plugin is one file, and this is beside the script"
            advice = "copy what is needed into the plugin"
            notes.append(Note(script.line(statement), text, advice))


def _tell_left_out(
    script: Script, asked: Asked, statements: Iterable[Statement], notes: list[Note]
) -> None:
    for statement in statements:
        is_search = script.line(statement) <= asked.line <= script.end(statement)
        is_idle = _is_import(statement) or isinstance(simple(statement), cst.Expr)
        if is_search or (is_idle and not _runs(statement)):
            continue
        code = script.code(statement).splitlines()[0]
        notes.append(Note(script.line(statement), f"left out, for nothing needs it: {code}"))


def _tell_running(script: Script, statements: Iterable[Statement], notes: list[Note]) -> None:
    for statement in statements:
        if not isinstance(statement, cst.FunctionDef | cst.ClassDef) and _runs(statement):
            code = script.code(statement).splitlines()[0]
            text = f"this runs whenever the plugin is loaded: {code}"
            notes.append(Note(script.line(statement), text, "move it into a function if it costs"))


def _runs(statement: cst.CSTNode) -> bool:
    """Whether a statement calls something."""
    return any(True for _ in inside(statement, cst.Call))


def global_names(code: str) -> set[str]:
    """Names that a module's code reads and that must be found at its top."""
    names: set[str] = set()
    pending = [symtable.symtable(code, "plugin", "exec")]
    while pending:
        table = pending.pop()
        for symbol in table.get_symbols():
            is_top = table.get_type() == "module"
            if symbol.is_referenced() and (is_top or symbol.is_global()):
                names.add(symbol.get_name())
        pending += table.get_children()
    return names


def _tell_missing(script: Script, code: str, notes: list[Note]) -> None:
    module = symtable.symtable(code, "plugin", "exec")
    bound = {s.get_name() for s in module.get_symbols() if s.is_assigned() or s.is_imported()}
    bound |= {child.get_name() for child in module.get_children()}
    if "import *" in code:
        return
    for name in sorted(global_names(code) - bound - {*dir(builtins), "__file__", "__name__"}):
        text = f"{name} is nowhere defined, or only where the plugin doesn't run"
        notes.append(Note(_first_read(script, name), text, "define it at the top of the plugin"))


def _first_read(script: Script, name: str) -> int:
    found = (node for node in inside(script.tree, cst.Name) if node.value == name)
    return min(map(script.line, found), default=0)


def _bound(statement: Statement) -> set[str]:
    small = simple(statement)
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return {statement.name.value}
    if isinstance(small, cst.Import | cst.ImportFrom) and not isinstance(
        small.names, cst.ImportStar
    ):
        return {a.evaluated_alias or a.evaluated_name.partition(".")[0] for a in small.names}
    return set()


def _bare(statement: Statement) -> Statement:
    lines = [line for line in getattr(statement, "leading_lines", ()) if line.comment is not None]
    return statement.with_changes(leading_lines=lines)


def _apart(statement: Statement, *, is_first: bool) -> Statement:
    """With its comments, and the blank lines that a function wants before it."""
    lines = [*getattr(statement, "leading_lines", ())]
    while lines and lines[0].comment is None:
        lines.pop(0)
    is_definition = isinstance(statement, cst.FunctionDef | cst.ClassDef)
    blank = 2 if is_definition else 1 if is_first or lines else 0
    return statement.with_changes(leading_lines=[*[cst.EmptyLine(indent=False)] * blank, *lines])
