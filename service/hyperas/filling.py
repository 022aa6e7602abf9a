"""Templates become what asks KerasTuner's `hp`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import libcst as cst

from kerasearch.service.hyperas.parameters import Option, Parameter
from kerasearch.service.hyperas.syntax import Statement, argument, dotted, simple
from kerasearch.service.hyperas.templates import templates_in

Parameters = Mapping[cst.Set, Parameter]


def filled_building(statements: Iterable[Statement], parameters: Parameters) -> list[Statement]:
    """Statements of `build`, each parameter declared where it is first met.

    One that stands in a line of its own is asked for in place. What hangs on a condition, or is
    read in a block, is declared before it, so that a single run declares all there is.
    """
    filled: list[Statement] = []
    for statement in statements:
        inside = [parameters[node] for node in templates_in(statement)]
        if simple(statement) is not None and all(_in_place(p) for p in inside):
            filled += _filled(statement, parameters, in_place=True)
        else:
            filled += declarations(inside)
            filled += _filled(statement, parameters, in_place=False)
    return filled


def filled_reading(statements: Iterable[Statement], parameters: Parameters) -> list[Statement]:
    """Statements that read parameters which are declared elsewhere."""
    return [s for statement in statements for s in _filled(statement, parameters, in_place=False)]


def declarations(parameters: Iterable[Parameter]) -> Iterator[Statement]:
    """What declares them, those of the same conditions together."""
    for conditions, group in groupby(parameters, key=lambda parameter: parameter.conditions):
        lines = [
            f"{'    ' * depth}with hp.conditional_scope({_text(parent)}, {_texts(labels)}):"
            for depth, (parent, labels) in enumerate(conditions)
        ]
        lines += ["    " * len(conditions) + parameter.call for parameter in group]
        yield from cst.parse_module("\n".join(lines)).body


def _text(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) and '"' not in value else repr(value)


def _texts(values: Sequence[object]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _in_place(parameter: Parameter) -> bool:
    return not parameter.conditions and parameter.stands_for != "branch"


def _filled(statement: Statement, parameters: Parameters, *, in_place: bool) -> Iterator[Statement]:
    result = statement.visit(_Filler(parameters, in_place))
    if isinstance(result, cst.FlattenSentinel):
        yield from (s for s in result if isinstance(s, Statement))
    elif isinstance(result, Statement):
        yield result


class _Filler(cst.CSTTransformer):
    def __init__(self, parameters: Parameters, in_place: bool) -> None:
        super().__init__()
        self._parameters = parameters
        self._in_place = in_place

    def leave_Set(self, original_node: cst.Set, updated_node: cst.Set) -> cst.BaseExpression:
        parameter = self._parameters.get(original_node)
        if parameter is None:
            return updated_node
        value = parameter.call if self._in_place else f'hp["{parameter.name}"]'
        if parameter.stands_for == "table":
            entries = ", ".join(f"{_text(o.label)}: {_code(o.node)}" for o in parameter.options)
            value = f"{{{entries}}}[{value}]"
        elif parameter.stands_for == "branch":
            return self._chosen(parameter)
        return cst.parse_expression(value)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """`conditional(x)` is a mark for Hyperas, and means x."""
        if dotted(updated_node.func).rpartition(".")[2] == "conditional":
            return argument(updated_node, 0) or updated_node
        return updated_node

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return _branching(node, self._parameters) is None

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement:
        """A line that is nothing but a choice of things to make, made a branch for each."""
        template = _branching(original_node, self._parameters)
        if template is None:
            return updated_node
        parameter = self._parameters[template]
        branch: cst.If | cst.Else | None = None
        for option in reversed(parameter.options):
            line = original_node.with_changes(leading_lines=[])
            chosen = line.deep_replace(template, self._option(option))
            body = cst.IndentedBlock([cst.ensure_type(chosen, cst.SimpleStatementLine)])
            if branch is None:
                branch = cst.Else(body)
            else:
                branch = cst.If(self._is_chosen(parameter, option), body, branch)
        assert branch is not None  # noqa: S101 - a choice has options
        if isinstance(branch, cst.Else):  # a single one
            return cst.ensure_type(branch.body.body[0], cst.SimpleStatementLine)
        return branch.with_changes(leading_lines=updated_node.leading_lines)

    def _option(self, option: Option) -> cst.BaseExpression:
        filled = option.node.visit(self)
        assert isinstance(filled, cst.BaseExpression)  # noqa: S101 - an expression stays one
        return filled

    def _is_chosen(self, parameter: Parameter, option: Option) -> cst.BaseExpression:
        return cst.parse_expression(f'hp["{parameter.name}"] == {_text(option.label)}')

    def _chosen(self, parameter: Parameter) -> cst.BaseExpression:
        *others, last = parameter.options
        value = self._option(last)
        for option in reversed(others):
            value = cst.IfExp(self._is_chosen(parameter, option), self._option(option), value)
        return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _branching(line: cst.SimpleStatementLine, parameters: Parameters) -> cst.Set | None:
    """The choice that a line such as `model.add({{choice([...])}})` is about."""
    small = simple(line)
    value = small.value if isinstance(small, cst.Expr | cst.Assign) else None
    candidates: list[cst.CSTNode | None] = [value]
    if isinstance(value, cst.Call):
        candidates += [value.func, value.args[0].value if len(value.args) == 1 else None]
    for node in candidates:
        if isinstance(node, cst.Set) and node in parameters:
            return node if parameters[node].stands_for == "branch" else None
    return None


def _code(node: cst.BaseExpression) -> str:
    return cst.Module([]).code_for_node(node)
