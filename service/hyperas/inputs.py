"""Input shapes, which old Keras gave to the first layer and Keras 3 wants as an input."""

import libcst as cst
import libcst.matchers as m

from kerasearch.service.hyperas.names_in_scope import Imports
from kerasearch.service.hyperas.syntax import argument, dotted, with_arguments

_SEQUENCE_LAYERS = frozenset({"Conv1D", "GRU", "LSTM", "SimpleRNN"})
_SHAPE = ("batch_input_shape", "input_dim", "input_length", "input_shape")


class InputLayers(cst.CSTTransformer):
    """Puts `keras.Input(...)` before a Sequential model's first layer.

    Elsewhere a layer keeps its shape, which Keras 3 still understands.
    """

    def __init__(self, imports: Imports) -> None:
        super().__init__()
        self.imports = imports
        self._begun: list[set[str]] = [set()]
        self._branches: list[set[str]] = []
        self._perhaps_begun: set[str] = set()
        self._loops = 0
        self._first_layers: set[cst.CSTNode] = set()
        self._taken: dict[cst.Call, tuple[cst.BaseExpression, cst.Call]] = {}

    def without_input(self, original: cst.Call, call: cst.Call, name: str) -> cst.BaseExpression:
        """A layer's call; its input shape is put aside where its model is about to take it."""
        shape = _input(call, name)
        if shape is None:
            return call
        kept = [
            arg
            for arg in call.args
            if arg.keyword is None
            or arg.keyword.value not in _SHAPE
            or (name == "Embedding" and arg.keyword.value == "input_dim")
        ]
        without = with_arguments(call, kept)
        if original in self._first_layers and self._loops == 0:
            self._taken[without] = shape, call
            return without
        return call

    def visit_Call(self, node: cst.Call) -> None:
        """Which layer a Sequential model may begin with."""
        first = node.args[0].value if len(node.args) else None
        path = self.imports.path(node.func)
        if isinstance(first, cst.Call) and dotted(node.func).endswith(".add"):
            self._first_layers.add(first)
        elif isinstance(first, cst.List) and path.endswith(".Sequential") and first.elements:
            self._first_layers.add(first.elements[0].value)

    def visit_For(self, node: cst.For) -> None:
        self._loops += 1

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.BaseStatement:
        self._loops -= 1
        return updated_node

    def visit_If(self, node: cst.If) -> None:
        self._branches.append(set())

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.BaseStatement:
        self._perhaps_begun |= self._branches.pop()
        return updated_node

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        # What one branch adds, the other hasn't.
        self._begun.append({*self._begun[-1]})

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.BaseSuite:
        added = self._begun.pop() - self._begun[-1]
        (self._branches[-1] if self._branches else self._perhaps_begun).update(added)
        return updated_node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        for node in m.findall(updated_node, m.Assign(value=m.Call())):
            assignment = cst.ensure_type(node, cst.Assign)
            if dotted(cst.ensure_type(assignment.value, cst.Call).func).endswith("Sequential"):
                self._begun[-1].discard(dotted(assignment.targets[0].target))
                self._perhaps_begun.discard(dotted(assignment.targets[0].target))
        added = m.SimpleStatementLine([m.Expr(m.Call(m.Attribute(attr=m.Name("add"))))])
        if not m.matches(updated_node, added):
            return updated_node
        call = cst.ensure_type(cst.ensure_type(updated_node.body[0], cst.Expr).value, cst.Call)
        model = dotted(cst.ensure_type(call.func, cst.Attribute).value)
        is_first = model not in self._begun[-1]
        self._begun[-1].add(model)
        layer = call.args[0].value if call.args else None
        if not isinstance(layer, cst.Call) or layer not in self._taken or not is_first:
            return updated_node
        shape, unchanged = self._taken[layer]
        if model in self._perhaps_begun:
            return cst.ensure_type(
                updated_node.deep_replace(layer, unchanged), cst.SimpleStatementLine
            )
        line = cst.parse_statement(f"{model}.add()")
        inputs = cst.ensure_type(line, cst.SimpleStatementLine).with_deep_changes(
            _call_of(line), args=[cst.Arg(shape)]
        )
        return cst.FlattenSentinel(
            [
                inputs.with_changes(leading_lines=updated_node.leading_lines),
                updated_node.with_changes(leading_lines=[]),
            ]
        )

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> cst.BaseExpression:
        """`Sequential([Dense(8, input_dim=3), ...])`."""
        first = updated_node.elements[0].value if updated_node.elements else None
        if not isinstance(first, cst.Call) or first not in self._taken:
            return updated_node
        shape, _ = self._taken[first]
        comma = updated_node.elements[0].comma
        if not isinstance(comma, cst.Comma):
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        inputs = cst.Element(shape, comma)
        return updated_node.with_changes(elements=[inputs, *updated_node.elements])


def _call_of(line: cst.CSTNode) -> cst.Call:
    return cst.ensure_type(m.findall(line, m.Call())[0], cst.Call)


def _input(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """The `keras.Input(...)` that a layer's old arguments ask for."""
    batch = argument(call, None, "batch_input_shape")
    shape = argument(call, None, "input_shape")
    length = argument(call, None, "input_length")
    width = argument(call, None, "input_dim") if name != "Embedding" else None
    code = cst.Module([]).code_for_node
    if batch is not None:
        text = f"batch_shape={code(batch)}"
    elif shape is not None:
        text = code(shape)
    elif name == "Embedding" and length is not None:
        text = f"({code(length)},)"
    elif width is not None and name in _SEQUENCE_LAYERS:
        text = f"({code(length) if length is not None else 'None'}, {code(width)})"
    elif width is not None:
        text = f"({code(width)},)"
    else:
        return None
    return cst.parse_expression(f"keras.Input({text})")
