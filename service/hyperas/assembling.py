"""The functions of the plugin: its data, and `build` or a HyperModel."""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from kerasearch.service.hyperas.data_function import Returned, Rows
from kerasearch.service.hyperas.filling import declarations, filled_building
from kerasearch.service.hyperas.fitting import Fit
from kerasearch.service.hyperas.minimize import Asked
from kerasearch.service.hyperas.notes import CannotImport
from kerasearch.service.hyperas.parameters import Parameter
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.slicing import Sliced
from kerasearch.service.hyperas.syntax import (
    Statement,
    body_of,
    bound_at_top,
    free_name,
    parameter_names,
    reads,
    simple,
    writes,
)
from kerasearch.service.hyperas.templates import templates_in

HYPERMODEL = "HyperasModel"
DATA = "data"
"""Where a plugin's dataset must be."""


@dataclass(frozen=True)
class Assembled:
    """What replaces the script's model and data function.

    Attributes:
        entry: The name of the function or HyperModel.
        functions: These and what they need, in order.
        renamed: A function of the script that gives up its name.
    """

    entry: str
    functions: Sequence[Statement]
    renamed: Mapping[str, str]


def assemble(
    script: Script,
    asked: Asked,
    sliced: Sliced,
    returned: Returned,
    rows: Rows,
    fit: Fit,
    parameters: Mapping[cst.Set, Parameter],
) -> Assembled:
    """The plugin's own functions.

    Raises:
        CannotImport: The model function uses a name that a plugin needs.
    """
    if "hp" in writes(script, asked.model.body):
        raise CannotImport(
            f"{script.path}: {script.place(script.line(asked.model))}: {asked.model.name.value} "
            "has a variable hp, which a plugin needs for its parameters; rename it"
        )
    data = _Data(script, asked, sliced, returned, rows)
    taken = bound_at_top(script) - {asked.model.name.value}
    docstring, body = _docstring(asked.model, sliced.building)
    building = [
        *data.binding(body),
        *filled_building(body, parameters),
        *_declared_late(body, sliced, parameters),
        cst.parse_statement(f"return {sliced.model}"),
    ]
    if fit.is_plain:
        entry = free_name("build", taken)
        made: list[Statement] = [_function(f"def {entry}(hp):", building, asked.model, docstring)]
    else:
        entry = free_name(HYPERMODEL, taken)
        training = [*data.binding(sliced.training, but=fit.handed), *fit.statements]
        x, y = rows.train
        made = [
            _class(
                f"class {entry}(keras_tuner.HyperModel):",
                f"The model of {asked.model.name.value}, trained as the script trains it.",
                [
                    _function("def build(self, hp):", building, None, docstring),
                    _function(f"def fit(self, hp, {sliced.model}, {x}, {y}, **kwargs):", training),
                ],
                asked.model,
            )
        ]
    return Assembled(entry, [*data.functions(), *made], data.renamed)


class _Data:
    """The data function, what Kerasearch calls, and what `build` reads of it."""

    def __init__(
        self, script: Script, asked: Asked, sliced: Sliced, returned: Returned, rows: Rows
    ) -> None:
        self._script = script
        self._asked = asked
        self._rows = rows
        self._top = bound_at_top(script)
        self._returned = returned
        self._imported, self._extra = self._unreturned(sliced)
        if self._extra:
            pattern = f"({returned.pattern}), {', '.join(self._extra)}"
            self._returned = Returned(pattern, (*returned.names, *self._extra))
        own = asked.data.name.value
        self._is_dataset = (
            own == DATA
            and not parameter_names(asked.data)
            and returned.pattern == ", ".join(rows.names)
            and not self._extra
        )
        taken = self._top | {DATA}
        new = own if self._is_dataset or own != DATA else free_name("load_data", taken)
        self.renamed = {own: new} if new != own else {}
        self._function_name = new
        self._loaded = free_name("loaded", taken)
        self._is_read = False

    def _unreturned(self, sliced: Sliced) -> tuple[list[Statement], list[str]]:
        """What the model function reads of the data function's own variables and imports.

        Hyperas runs the lines of both as one.
        """
        script, model, data = self._script, self._asked.model, self._asked.data
        known = {*parameter_names(model), *writes(script, model.body), *dir(builtins)}
        known |= {*self._returned.names}
        unknown = reads(script, [*sliced.building, *sliced.training]) - known - self._top
        imports = [
            statement
            for statement in body_of(data)
            if isinstance(simple(statement), cst.Import | cst.ImportFrom)
            and writes(script, statement) & unknown
        ]
        imported = {name for statement in imports for name in writes(script, statement)}
        return imports, sorted((unknown - imported) & writes(script, data.body))

    def binding(
        self, statements: Iterable[Statement], but: set[str] | None = None
    ) -> list[Statement]:
        """What gives the statements those names of the data that they read."""
        wanted = reads(self._script, statements) & {*self._returned.names} - (but or set())
        if not wanted:
            return []
        self._is_read = True
        return [cst.parse_statement(f"{self._returned.binding(wanted)} = {self._loaded}()")]

    def functions(self) -> list[Statement]:
        own = self._asked.data.name.value
        function = self._asked.data.with_changes(name=cst.Name(self._function_name))
        if self._extra:
            changed = function.visit(_Returning(self._asked.data, self._extra))
            function = cst.ensure_type(changed, cst.FunctionDef)
        made: list[Statement] = [*self._imported, function]
        if self._is_read or not self._is_dataset:
            given = ", ".join(self._asked.data_args)
            code = (
                "@functools.cache\n"
                f"def {self._loaded}():\n"
                f'    """What the script\'s {own} returns, read once a process."""\n'
                f"    return {self._function_name}({given})\n"
            )
            made.append(cst.parse_statement(code))
        if not self._is_dataset:
            names = ", ".join(self._rows.names)
            taken = f"    {self._returned.binding({*self._rows.names})} = {self._loaded}()\n"
            is_all = self._returned.pattern == names
            code = (
                f"def {DATA}():\n"
                '    """The rows, in the order in which Kerasearch reads them."""\n'
                + ("" if is_all else taken)
                + f"    return {f'{self._loaded}()' if is_all else names}\n"
            )
            made.append(cst.parse_statement(code))
        return made


class _Returning(cst.CSTTransformer):
    """Adds names to what a function returns."""

    def __init__(self, function: cst.FunctionDef, names: Iterable[str]) -> None:
        super().__init__()
        self._function = function.name.value
        self._names = names
        self._depth = 0

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._depth += 1

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.BaseStatement:
        self._depth -= 1
        return updated_node

    def leave_Return(
        self, original_node: cst.Return, updated_node: cst.Return
    ) -> cst.BaseSmallStatement:
        if self._depth > 1 or updated_node.value is None:
            return updated_node
        value = updated_node.value
        if isinstance(value, cst.Tuple) and not value.lpar:
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        elements = [cst.Element(value), *(cst.Element(cst.Name(name)) for name in self._names)]
        return updated_node.with_changes(
            value=cst.Tuple(elements, lpar=[], rpar=[]),
            whitespace_after_return=cst.SimpleWhitespace(" "),
        )


def _docstring(
    function: cst.FunctionDef, statements: Sequence[Statement]
) -> tuple[list[Statement], list[Statement]]:
    first = simple(statements[0]) if statements else None
    is_text = isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString)
    return ([statements[0]], [*statements[1:]]) if is_text else ([], [*statements])


def _declared_late(
    building: Iterable[Statement], sliced: Sliced, parameters: Mapping[cst.Set, Parameter]
) -> Iterable[Statement]:
    """Declarations of what only training reads."""
    declared = {parameters[t].name for statement in building for t in templates_in(statement)}
    late = {
        parameters[t].name: parameters[t]
        for statement in sliced.training
        for t in templates_in(statement)
    }
    return declarations(p for name, p in late.items() if name not in declared)


def _function(
    header: str,
    body: Sequence[Statement],
    like: cst.FunctionDef | None = None,
    docstring: Sequence[Statement] = (),
) -> cst.FunctionDef:
    """A function, with the comments that stand before another."""
    empty = cst.ensure_type(cst.parse_statement(f"{header}\n    pass\n"), cst.FunctionDef)
    if not docstring:
        body = [_without_blank_lines(body[0]), *body[1:]]
    lines = like.leading_lines if like is not None else ()
    return empty.with_changes(body=cst.IndentedBlock([*docstring, *body]), leading_lines=lines)


def _without_blank_lines(statement: Statement) -> Statement:
    lines = [line for line in getattr(statement, "leading_lines", ()) if line.comment is not None]
    return statement.with_changes(leading_lines=lines)


def _class(
    header: str, docstring: str, functions: Sequence[cst.FunctionDef], like: cst.FunctionDef
) -> cst.ClassDef:
    code = f'{header}\n    """{docstring}"""\n'
    empty = cst.ensure_type(cst.parse_statement(code), cst.ClassDef)
    apart = [f.with_changes(leading_lines=[cst.EmptyLine(indent=False)]) for f in functions]
    body = cst.IndentedBlock([*empty.body.body, *apart])
    return empty.with_changes(body=body, leading_lines=like.leading_lines)
