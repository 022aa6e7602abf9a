"""The call of fit: what training does by itself, and what needs a `fit` of the plugin's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from kerasearch.service.hyperas.constants import Unknown, evaluate
from kerasearch.service.hyperas.data_function import Pair, Rows
from kerasearch.service.hyperas.filling import filled_reading
from kerasearch.service.hyperas.minimize import constant
from kerasearch.service.hyperas.notes import Note
from kerasearch.service.hyperas.parameters import Parameter
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.slicing import FITS, Sliced, fit_argument
from kerasearch.service.hyperas.syntax import (
    Statement,
    dotted,
    keyword,
    mutated,
    reads,
    simple,
    writes,
)
from kerasearch.service.hyperas.templates import templates_in

_DONE_BY_TRAINING = frozenset(
    {
        "batch_size",
        "epochs",
        "nb_epoch",
        "show_accuracy",
        "validation_data",
        "validation_split",
        "verbose",
        "x",
        "y",
    }
)

KERAS_EPOCHS = 1
"""Where a call of fit doesn't say."""


@dataclass(frozen=True)
class Settings:
    """What the job says of training: constants of the call of fit; None where it says none."""

    epochs: int | None = None
    batch_size: int | None = None


@dataclass(frozen=True)
class Fit:
    """How a script trains.

    Attributes:
        is_plain: Training by itself does the same.
        settings: For the job.
        statements: Of `fit(hp, model, x, y, **kwargs)`; empty where it is plain.
        handed: Names that such a fit is given: its rows.
    """

    is_plain: bool
    settings: Settings
    statements: list[Statement] = field(default_factory=list)
    handed: set[str] = field(default_factory=set)


def read_fit(
    script: Script,
    sliced: Sliced,
    rows: Rows,
    parameters: Mapping[cst.Set, Parameter],
    notes: list[Note],
) -> Fit:
    """What a script's training becomes."""
    if not sliced.fits:
        return Fit(is_plain=True, settings=Settings())
    reader = _Reader(script, sliced, rows, parameters)
    for fit in sliced.fits:
        if fit_argument(fit, "validation_split") is not None:
            text = "validation_split is left out: the job's data.split takes validation rows"
            notes.append(Note(script.line(fit), text))
    if reader.is_plain():
        return Fit(True, Settings(reader.constant_epochs(), reader.constant("batch_size")))
    # Several trainings after each other aren't one of so many epochs.
    epochs = reader.constant_epochs() if reader.is_single() else None
    if any(arg.star for fit in sliced.fits for arg in fit.args):
        text = "what is unpacked here can't be known; it must not hold callbacks or validation_data"
        notes.append(Note(script.line(sliced.fits[0]), text))
    handed = {*rows.train, *(reader.judged() or ())}
    return Fit(False, Settings(epochs), reader.statements(epochs), handed)


class _Reader:
    def __init__(
        self,
        script: Script,
        sliced: Sliced,
        rows: Rows,
        parameters: Mapping[cst.Set, Parameter],
    ) -> None:
        self._script = script
        self._sliced = sliced
        self._rows = rows
        self._parameters = parameters
        self._first = sliced.fits[0]

    def is_plain(self) -> bool:
        fit, statements = self._first, self._sliced.training
        if not self.is_single():
            return False
        names = {arg.keyword.value for arg in fit.args if arg.keyword is not None}
        if any(arg.star for arg in fit.args) or not names <= _DONE_BY_TRAINING:
            return False
        changed = {n for s in statements for n in writes(self._script, s) | mutated(s)}
        if changed & {*self._rows.names} or self._pair(fit) != self._rows.train:
            return False
        judged = fit_argument(fit, "validation_data")
        if judged is not None and self.judged() is None:
            return False
        return all(
            fit_argument(fit, name) is None
            or self.constant(name) is not None
            or self._is_training(fit_argument(fit, name), name)
            for name in ("batch_size", "epochs")
        )

    def is_single(self) -> bool:
        """Whether it trains once, and in any case."""
        fits, training = self._sliced.fits, self._sliced.training
        return len(fits) == 1 and simple(training[-1]) is not None

    def _pair(self, fit: cst.Call) -> Pair | None:
        x, y = fit_argument(fit, "x"), fit_argument(fit, "y")
        if isinstance(x, cst.Name) and isinstance(y, cst.Name):
            return x.value, y.value
        return None

    def judged(self) -> Pair | None:
        """The names of the rows that the script validates by, if `data()` returned them."""
        for fit in self._sliced.fits:
            judged = fit_argument(fit, "validation_data")
            if isinstance(judged, cst.Tuple | cst.List) and len(judged.elements) == 2:
                x, y = (dotted(element.value) for element in judged.elements)
                if {x, y} <= {*self._rows.names}:
                    return x, y
        return None

    def constant(self, name: str) -> int | None:
        """An argument's value, written out or a constant of the script."""
        node = fit_argument(self._first, name)
        if node is None:
            return None
        local = self._local(node)
        try:
            value = evaluate(local if local is not None else node)
        except Unknown:
            value = constant(self._script, node)
        return value if isinstance(value, int) and value > 0 else None

    def _local(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        for statement in self._sliced.training[:-1]:
            small = simple(statement)
            if (
                isinstance(small, cst.Assign)
                and isinstance(node, cst.Name)
                and dotted(small.targets[0].target) == node.value
            ):
                return small.value
        return None

    def constant_epochs(self) -> int | None:
        if any(arg.star for arg in self._first.args):
            return None
        if fit_argument(self._first, "epochs") is None:
            return KERAS_EPOCHS
        return self.constant("epochs")

    def _is_training(self, node: cst.BaseExpression | None, name: str) -> bool:
        """Whether an argument is the parameter of this name and nothing else."""
        local = self._local(node) if node is not None else None
        inside = [self._parameters[t] for t in templates_in(local or node or cst.Name(name))]
        return len(inside) == 1 and inside[0].name == name

    def statements(self, epochs: int | None) -> list[Statement]:
        """The body of `fit`, from the script's own lines."""
        judged = self.judged()
        read = reads(self._script, self._sliced.training)
        filled: list[Statement] = []
        if judged is not None and read & {*judged}:
            filled.append(
                cst.parse_statement(f'{judged[0]}, {judged[1]} = kwargs["validation_data"]')
            )
        # Filled first: templates are known by identity, which rewriting doesn't keep.
        filled += filled_reading(self._sliced.training, self._parameters)
        rewriter = _FitCalls(self._sliced, judged, epochs)
        rewritten = [statement.visit(rewriter) for statement in filled]
        return _returning([s for s in rewritten if isinstance(s, Statement)], rewriter)


class _FitCalls(cst.CSTTransformer):
    """Calls of fit given what a trial hands over."""

    def __init__(self, sliced: Sliced, judged: Pair | None, epochs: int | None) -> None:
        super().__init__()
        self.methods = tuple(f"{sliced.model}.{method}" for method in FITS)
        self._judged = judged
        self._epochs = epochs

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if dotted(updated_node.func) not in self.methods:
            return updated_node
        plain = [arg for arg in updated_node.args if arg.keyword is None and arg.star != "**"]
        named = {arg.keyword.value: arg.value for arg in updated_node.args if arg.keyword}
        unpacked = [arg for arg in updated_node.args if arg.star == "**"]
        handed = {
            "validation_data": self._validation_data(named),
            "callbacks": _with_callbacks(named.get("callbacks")),
            "verbose": cst.Integer("0"),
        }
        if len(plain) > 3:
            named["epochs"] = plain[3].value
        if self._epochs is not None:
            named.pop("nb_epoch", None)
            handed["epochs"] = cst.parse_expression(f'kwargs.get("epochs", {self._epochs})')
        kept = {k: v for k, v in named.items() if k not in (*handed, "validation_split")}
        args = [
            *plain[:3],
            *(keyword(name, value) for name, value in (kept | handed).items()),
            *unpacked,
        ]
        return updated_node.with_changes(
            args=[*map(_in_own_line, args[:-1]), _in_own_line(args[-1], "")],
            whitespace_before_args=_line("    "),
        )

    def _validation_data(self, named: Mapping[str, cst.BaseExpression]) -> cst.BaseExpression:
        """The script's own expression where it is of the rows that a trial validates by."""
        if self._judged is not None and "validation_data" in named:
            return named["validation_data"]
        return cst.parse_expression('kwargs["validation_data"]')


def _with_callbacks(own: cst.BaseExpression | None) -> cst.BaseExpression:
    """The script's callbacks and the trial's."""
    trials = cst.parse_expression('kwargs["callbacks"]')
    if own is None:
        return trials
    elements = own.elements if isinstance(own, cst.List) else [cst.StarredElement(own)]
    apart = [e.with_changes(comma=cst.MaybeSentinel.DEFAULT) for e in elements]
    return cst.List([*apart, cst.StarredElement(trials)])


def _line(indent: str) -> cst.ParenthesizedWhitespace:
    return cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(indent))


def _in_own_line(arg: cst.Arg, indent: str = "    ") -> cst.Arg:
    """With a comma and the next line's indentation behind it."""
    return arg.with_changes(
        comma=cst.Comma(whitespace_after=_line(indent)),
        whitespace_after_arg=cst.SimpleWhitespace(""),
    )


def _returning(statements: list[Statement], calls: _FitCalls) -> list[Statement]:
    """The statements, the last call's History returned."""
    last = simple(statements[-1])
    if isinstance(last, cst.Expr) and _calls(last.value, calls.methods):
        line = cst.ensure_type(statements[-1], cst.SimpleStatementLine)
        return [*statements[:-1], line.with_changes(body=[cst.Return(last.value)])]
    named = _History(calls.methods)
    body = [s.visit(named) for s in statements]
    kept = [s for s in body if isinstance(s, Statement)]
    return [*kept, cst.parse_statement(f"return {named.name}")]


def _calls(node: cst.BaseExpression, methods: Sequence[str]) -> bool:
    return isinstance(node, cst.Call) and dotted(node.func) in methods


class _History(cst.CSTTransformer):
    """Gives what the last call of fit returns a name."""

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__()
        self._methods = methods
        self.name = "history"

    def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> cst.BaseSmallStatement:
        if _calls(updated_node.value, self._methods):
            return cst.Assign([cst.AssignTarget(cst.Name(self.name))], updated_node.value)
        return updated_node

    def visit_Assign(self, node: cst.Assign) -> None:
        if _calls(node.value, self._methods):
            self.name = dotted(node.targets[0].target) or self.name
