"""Under which values of which parameters a piece of code runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import libcst as cst

from kerasearch.service.hyperas.constants import Unknown, evaluate
from kerasearch.service.hyperas.parameters import Condition, Parameter
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import (
    Statement,
    argument,
    dotted,
    inside,
    mutated,
    reads,
    simple,
    writes,
)
from kerasearch.service.hyperas.templates import templates_in

Guard = Mapping[str, tuple[object, ...]]
"""Parameters and the labels that each must have; what isn't named may have any."""


class Guards:
    """What the tests of a function's branches say of its parameters.

    Args:
        parameters: By template.
        variables: Names that hold a parameter's value, always the same one.
    """

    def __init__(
        self, parameters: Mapping[cst.Set, Parameter], variables: Mapping[str, Parameter]
    ) -> None:
        self._parameters = parameters
        self._variables = variables

    def of(self, test: cst.BaseExpression, truth: bool) -> Guard:
        """What must hold where `test` came out so; empty where that can't be known."""
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            return self.of(test.expression, not truth)
        read = self._read_by(test)
        if len(read) == 1:
            return self._tried(test, truth, *read.values())
        if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And) == truth:
            return both(self.of(test.left, truth), self.of(test.right, truth))
        return {}

    def _read_by(self, test: cst.BaseExpression) -> dict[str, Parameter]:
        found = [self._parameters[node] for node in templates_in(test) if node in self._parameters]
        names = _Names()
        test.visit(names)
        found += [self._variables[name] for name in names.found if name in self._variables]
        return {parameter.name: parameter for parameter in found}

    def _tried(self, test: cst.BaseExpression, truth: bool, parameter: Parameter) -> Guard:
        """The test's outcome for each of a choice's values."""
        allowed = []
        for option in parameter.options:

            def known(node: cst.BaseExpression, value: object = option.value) -> object:
                return self._value(node, parameter, value)

            try:
                if bool(evaluate(test, known)) == truth:
                    allowed.append(option.label)
            except Unknown:
                return {}
        if not parameter.options or len(allowed) == len(parameter.options):
            return {}
        return {parameter.name: tuple(allowed)}

    def _value(self, node: cst.BaseExpression, parameter: Parameter, value: object) -> object:
        if isinstance(node, cst.Call) and dotted(node.func).rpartition(".")[2] == "conditional":
            inner = argument(node, 0)
            if inner is not None:
                return self._value(inner, parameter, value)
        is_it = (isinstance(node, cst.Set) and self._parameters.get(node) is parameter) or (
            isinstance(node, cst.Name) and self._variables.get(node.value) is parameter
        )
        if not is_it or value is Unknown:
            raise Unknown
        return value


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def visit_Name(self, node: cst.Name) -> None:
        self.found.append(node.value)

    def visit_Set(self, node: cst.Set) -> bool:
        return False  # a template's insides aren't the test's


def both(one: Guard, other: Guard) -> Guard:
    """What must hold where both do."""
    merged = dict(one)
    for name, labels in other.items():
        kept = merged.get(name, labels)
        merged[name] = tuple(label for label in kept if label in labels)
    return merged


def conditioned(
    statements: Sequence[Statement],
    parameters: Mapping[cst.Set, Parameter],
    variables: Mapping[str, Parameter],
) -> dict[cst.Set, Parameter]:
    """The parameters, each with the conditions under which the statements read it."""
    walker = _Walker(Guards(parameters, variables), parameters)
    walker.block(statements, {})
    return walker.conditioned


class _Walker:
    def __init__(self, guards: Guards, parameters: Mapping[cst.Set, Parameter]) -> None:
        self._guards = guards
        self._parameters = parameters
        self._chains: dict[str, tuple[Condition, ...]] = {}
        self.conditioned: dict[cst.Set, Parameter] = {}

    def block(self, statements: Iterable[cst.CSTNode], guard: Guard) -> None:
        for statement in statements:
            self._statement(statement, guard)

    def _statement(self, node: cst.CSTNode, guard: Guard) -> None:
        if isinstance(node, cst.If):
            self._expression(node.test, guard)
            self.block(node.body.body, both(guard, self._guards.of(node.test, True)))
            if node.orelse is not None:
                self._statement(node.orelse, both(guard, self._guards.of(node.test, False)))
        elif isinstance(node, cst.IfExp):
            self._expression(node.test, guard)
            self._expression(node.body, both(guard, self._guards.of(node.test, True)))
            self._expression(node.orelse, both(guard, self._guards.of(node.test, False)))
        elif isinstance(node, cst.Set) and node in self._parameters:
            self._template(node, guard)
        else:
            self.block(node.children, guard)

    _expression = _statement

    def _template(self, node: cst.Set, guard: Guard) -> None:
        parameter = self._parameters[node]
        chain = self._chain(guard)
        self._chains[parameter.name] = chain
        self.conditioned[node] = replace(parameter, conditions=chain)
        for option in parameter.options:
            self._expression(option.node, both(guard, {parameter.name: (option.label,)}))

    def _chain(self, guard: Guard) -> tuple[Condition, ...]:
        """The innermost parent and what it hangs on itself.

        KerasTuner has conditions one within the other, and so no two parents of which neither hangs
        on the other.
        """
        for name, labels in reversed([*guard.items()]):
            if labels and name in self._chains:
                return (*self._chains[name], (name, labels))
        return ()


def movable(
    script: Script, function: cst.FunctionDef, statements: Sequence[Statement]
) -> dict[str, Statement]:
    """Variables made once, of templates and of what the function never changes."""
    targets = Counter(
        target.target.value
        for target in inside(function, cst.AssignTarget)
        if isinstance(target.target, cst.Name)
    )
    changed = writes(script, function.body) | mutated(function.body)
    found: dict[str, Statement] = {}
    for statement in statements:
        small = simple(statement)
        if isinstance(small, cst.Assign) and [*templates_in(small.value)]:
            name = dotted(small.targets[0].target)
            if targets[name] == 1 and not reads(script, [small.value]) & changed:
                found[name] = statement
    return found


def sunk(statements: Sequence[Statement], made_once: Mapping[str, Statement]) -> list[Statement]:
    """The statements with assignments moved into the one branch that reads them.

    So `adam = Adam(lr={{...}})` before `if name == 'adam': optim = adam` is tuned for adam alone.

    Args:
        statements: A function's.
        made_once: Variables that may be moved, with the assignment of each.
    """
    kept = [*statements]
    for variable, assignment in made_once.items():
        at = kept.index(assignment)
        rest = kept[at + 1 :]
        readers = [index for index, other in enumerate(rest) if reads_name(other, variable)]
        if len(readers) != 1:
            continue
        reader = rest[readers[0]]
        branch = _into_branch(reader, variable, assignment) if isinstance(reader, cst.If) else None
        if branch is not None:
            kept = [branch if s is reader else s for s in kept if s is not assignment]
    return kept


def _into_branch(node: cst.If, variable: str, assignment: Statement) -> cst.If | None:
    """The `if` with the assignment at the start of its one branch that reads the variable."""
    if reads_name(node.test, variable) or not isinstance(node.body, cst.IndentedBlock):
        return None
    in_body = reads_name(node.body, variable)
    in_rest = node.orelse is not None and reads_name(node.orelse, variable)
    if in_body == in_rest:
        return None
    if in_body:
        return node.with_changes(body=_begun_with(node.body, assignment))
    if isinstance(node.orelse, cst.If):
        inner = _into_branch(node.orelse, variable, assignment)
        return node.with_changes(orelse=inner) if inner is not None else None
    if isinstance(node.orelse, cst.Else) and isinstance(node.orelse.body, cst.IndentedBlock):
        body = _begun_with(node.orelse.body, assignment)
        return node.with_changes(orelse=node.orelse.with_changes(body=body))
    return None


def _begun_with(block: cst.IndentedBlock, statement: Statement) -> cst.IndentedBlock:
    lines = [line for line in getattr(statement, "leading_lines", ()) if line.comment is not None]
    return block.with_changes(body=[statement.with_changes(leading_lines=lines), *block.body])


def reads_name(node: cst.CSTNode, name: str) -> bool:
    return any(found.value == name for found in inside(node, cst.Name))
