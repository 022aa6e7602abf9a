"""Questions that several modules ask of a syntax tree."""

import keyword as keywords
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache
from typing import TypeVar

import libcst as cst
from libcst.metadata import ExpressionContext

from kerasearch.service.hyperas.script import Script

Node = TypeVar("Node", bound=cst.CSTNode)
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def dotted(node: cst.BaseExpression) -> str:
    """`keras.layers.Dense` of such a chain of names; empty for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr.value}" if base else ""
    return ""


def argument(call: cst.Call, position: int | None, *keywords: str) -> cst.BaseExpression | None:
    """The value of an argument, given by one of its names or by position."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value in keywords:
            return arg.value
    plain = [arg for arg in call.args if arg.keyword is None]
    if position is not None and len(plain) > position and not any(a.star for a in plain):
        return plain[position].value
    return None


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """An argument written as `name=value`."""
    return cst.Arg(
        value,
        keyword=cst.Name(name),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )


def with_arguments(call: cst.Call, kept: list[cst.Arg]) -> cst.Call:
    """The call with those of its arguments, the last one followed by what the last one was."""
    if kept and kept[-1] is not call.args[-1]:
        kept = [*kept[:-1], kept[-1].with_changes(comma=call.args[-1].comma)]
    return call.with_changes(args=kept)


def simple(statement: Statement) -> cst.BaseSmallStatement | None:
    """The one small statement of a line such as `x = 1`."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        return statement.body[0]
    return None


@cache
def _parts(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a kind of node that hold more than blanks and signs."""
    signs = ("whitespace", "lines", "leading", "header", "footer", "comma", "lpar", "rpar", "semi")
    return tuple(field.name for field in fields(kind) if not field.name.startswith(signs))


def inside(node: cst.CSTNode, *kinds: type[Node]) -> Iterator[Node]:
    """The nodes of these kinds in a node, itself included, outer ones first.

    libcst's own walks copy what they walk over, which costs ten times as much.
    """
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, kinds):
            yield each
        children: list[cst.CSTNode] = []
        for name in _parts(type(each)):
            value = getattr(each, name)
            if isinstance(value, cst.CSTNode):
                children.append(value)
            elif isinstance(value, list | tuple):
                children += [item for item in value if isinstance(item, cst.CSTNode)]
        pending += reversed(children)


def reads(script: Script, nodes: Iterable[cst.CSTNode]) -> set[str]:
    """Names that are read in them; a name written in place (`x += 1`) is also read."""
    return {
        name.value
        for node in nodes
        for name in inside(node, cst.Name)
        if script.contexts.get(name) is ExpressionContext.LOAD
        or isinstance(script.parents.get(name), cst.AugAssign)
    }


def writes(script: Script, node: cst.CSTNode) -> set[str]:
    """Names that are bound in it: assigned, imported or defined."""
    bound = {
        name.value
        for name in inside(node, cst.Name)
        if script.contexts.get(name) is ExpressionContext.STORE
    }
    for alias in inside(node, cst.ImportAlias):
        bound.add(alias.evaluated_alias or alias.evaluated_name.partition(".")[0])
    return bound


def mutated(node: cst.CSTNode) -> set[str]:
    """Names whose objects are changed in it: `x.add(1)` alone in a line, `x[0] = 1`, `x.y = 1`."""
    touched = [
        *(line.value for line in inside(node, cst.Expr) if isinstance(line.value, cst.Call)),
        *(target.target for target in inside(node, cst.AssignTarget)),
    ]
    return {
        root
        for expression in touched
        if not isinstance(expression, cst.Name) and (root := _root(expression))
    }


def _root(node: cst.CSTNode) -> str:
    while isinstance(node, cst.Attribute | cst.Subscript | cst.Call):
        node = node.func if isinstance(node, cst.Call) else node.value
    return node.value if isinstance(node, cst.Name) else ""


def calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    return inside(node, cst.Call)


def returned_items(
    script: Script, statements: Iterable[Statement]
) -> dict[str, cst.BaseExpression]:
    """What a model function returns, by key; a dict that a variable holds is looked up."""
    dicts: dict[str, cst.BaseExpression] = {}
    for statement in statements:
        small = simple(statement)
        if isinstance(small, cst.Assign) and isinstance(small.targets[0].target, cst.Name):
            dicts[dotted(small.targets[0].target)] = small.value
        if isinstance(small, cst.Return) and small.value is not None:
            value = small.value
            return _items(script, dicts.get(dotted(value), value))
    return {}


def _items(script: Script, node: cst.BaseExpression) -> dict[str, cst.BaseExpression]:
    if isinstance(node, cst.Dict):
        pairs = [e for e in node.elements if isinstance(e, cst.DictElement)]
        return {script.code(pair.key).strip("'\""): pair.value for pair in pairs}
    if isinstance(node, cst.Call) and dotted(node.func) == "dict":
        return {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
    return {"loss": node}  # Hyperopt takes a number alone, too


def parameter_names(function: cst.FunctionDef) -> list[str]:
    params = function.params
    return [p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)]


def body_of(function: cst.FunctionDef) -> list[Statement]:
    """Its statements, each in a line of its own."""
    if isinstance(function.body, cst.IndentedBlock):
        return [s for s in function.body.body if isinstance(s, Statement)]
    line = function.body  # `def f(): return 1`
    return [
        cst.SimpleStatementLine([s]) for s in line.body if isinstance(s, cst.BaseSmallStatement)
    ]


DROPPED = ("hyperas", "hyperopt", "__future__")
"""Packages of whose imports nothing is left."""


def writes_at_top(script: Script, statement: Statement) -> Iterable[str]:
    """Names that a statement at the top of a module binds there; `*` for an import of all."""
    small = simple(statement)
    if isinstance(small, cst.ImportFrom):
        module = dotted(small.module) if small.module is not None else ""
        if module.partition(".")[0] in DROPPED:
            return
        if isinstance(small.names, cst.ImportStar):
            yield "*"
            return
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        yield statement.name.value
    else:
        yield from writes(script, statement)


def bound_at_top(script: Script) -> set[str]:
    return {name for statement in script.tree.body for name in writes_at_top(script, statement)}


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name, with underscores behind it while another has it."""
    names = {*taken}
    while name in names or keywords.iskeyword(name):
        name += "_"
    return name
