"""The templates of a model function: `{{choice([64, 128])}}`, found and named."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from kerasearch.searchspaces.hyperas import DISTRIBUTIONS as PARSED
from kerasearch.searchspaces.training import TRAINING_PARAMETERS
from kerasearch.service.hyperas.names_in_scope import Imports
from kerasearch.service.hyperas.notes import CannotImport
from kerasearch.service.hyperas.old_keras import METHOD_ARGUMENTS, OPTIMIZERS, new_keyword
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import argument, dotted, inside, parameter_names

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "choice": ("options",),
    "pchoice": ("p_options",),
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "loguniform": ("low", "high"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
    "randint": ("low", "high"),
    "uniformint": ("low", "high"),
}

_TRANSPARENT = frozenset({"int", "float", "round", "conditional", "str"})

_POSITIONAL = {
    "Activation": ("activation",),
    "Conv1D": ("filters", "kernel_size", "strides"),
    "Conv2D": ("filters", "kernel_size", "strides"),
    "Conv3D": ("filters", "kernel_size", "strides"),
    "Dense": ("units", "activation"),
    "Embedding": ("input_dim", "output_dim"),
    "GRU": ("units",),
    "GaussianNoise": ("stddev",),
    "LSTM": ("units",),
    "LeakyReLU": ("negative_slope",),
    "MaxPooling1D": ("pool_size", "strides"),
    "MaxPooling2D": ("pool_size", "strides"),
    "RepeatVector": ("times",),
    "SimpleRNN": ("units",),
    "fit": ("x", "y", "batch_size", "epochs"),
    "range": ("count",),
    **dict.fromkeys(OPTIMIZERS, ("learning_rate",)),
}
"""What an argument without a name stands for, in Keras's classes that scripts tune."""


@dataclass(frozen=True)
class Template:
    """One `{{...}}`.

    Attributes:
        name: Of the parameter it becomes.
        arguments: By Hyperopt's names.
        variable: What its value is assigned to, alone; empty where it is used in place.
        is_training: It stands alone for what training reads under this name.
    """

    node: cst.Set
    name: str
    distribution: str
    arguments: Mapping[str, cst.BaseExpression]
    variable: str
    is_training: bool
    line: int


def call_in(node: cst.CSTNode) -> cst.Call | None:
    """What is called in `{{...}}`; None where a node is none."""
    match node:
        case cst.Set(elements=[cst.Element(value=cst.Set(elements=[cst.Element(value=call)]))]):
            return call if isinstance(call, cst.Call) else None
    return None


def templates_in(node: cst.CSTNode) -> Iterator[cst.Set]:
    """The templates, outer ones first, in their order."""
    return (found for found in inside(node, cst.Set) if call_in(found) is not None)


def read_templates(script: Script, imports: Imports, function: cst.FunctionDef) -> list[Template]:
    """The templates of a function, each with a name of its own.

    Raises:
        CannotImport: One is no call of a distribution, or its arguments don't fit.
    """
    namer = _Namer(script, imports, function)
    used: Counter[str] = Counter()
    templates = []
    for node in templates_in(function):
        call = call_in(node)
        assert call is not None  # noqa: S101 - templates_in's promise
        line = script.line(node)
        distribution = dotted(call.func).rpartition(".")[2]
        if distribution not in SIGNATURES:
            raise CannotImport(
                f"{script.path}: {script.place(line)}: {script.code(call)} is no distribution of "
                f"Hyperas; known: {', '.join(SIGNATURES)}"
            )
        names = SIGNATURES[distribution]
        arguments = {
            name: value
            for position, name in enumerate(names)
            if (value := argument(call, position, name)) is not None
        }
        least = 1 if distribution == "randint" else len(names)
        if not least <= len(arguments) == len(call.args):
            raise CannotImport(
                f"{script.path}: {script.place(line)}: write {distribution}({', '.join(names)}), "
                f"not {script.code(call)}"
            )
        name, variable, is_training = namer.name(node)
        used[name] += 1
        if used[name] > 1:
            name, is_training = f"{name}_{used[name] - 1}", False
        templates.append(Template(node, name, distribution, arguments, variable, is_training, line))
    return templates


class _Namer:
    """Names a parameter for the argument or variable that it stands for."""

    def __init__(self, script: Script, imports: Imports, function: cst.FunctionDef) -> None:
        self._script = script
        self._imports = imports
        self._function = function

    def name(self, template: cst.Set) -> tuple[str, str, bool]:
        """The parameter's name, the variable that takes it, whether it is training's alone."""
        node: cst.CSTNode = template
        parent = self._script.parents[node]
        alone = True
        while not isinstance(parent, cst.BaseStatement | cst.BaseSuite):
            if isinstance(parent, cst.Assign) and len(parent.targets) == 1:
                target = parent.targets[0].target
                if isinstance(target, cst.Name) and alone:
                    role = self._training_role(target.value)
                    return role or _snake(target.value), target.value, bool(role)
                return (_snake(dotted(target)) or "parameter"), "", False
            if isinstance(parent, cst.Arg):
                call = self._script.parents[parent]
                if not isinstance(call, cst.Call):
                    break
                found = self._argument_name(call, parent)
                if found:
                    is_training = found in TRAINING_PARAMETERS
                    clash = is_training and not alone
                    return (f"{found}_part" if clash else found), "", is_training and alone
                alone = alone and dotted(call.func) in _TRANSPARENT
                parent = call
            elif not isinstance(parent, cst.Element | cst.List | cst.Tuple):
                alone = False
            if isinstance(parent, cst.DictElement) and isinstance(parent.key, cst.SimpleString):
                return _snake(re.sub(r"\W", "_", str(parent.key.raw_value))), "", False
            if isinstance(parent, cst.Comparison):
                return "branch", "", False
            if isinstance(parent, cst.Call) and parent.func is node:
                return "layer", "", False
            node, parent = parent, self._script.parents[parent]
        if isinstance(parent, cst.For):
            return _snake(dotted(parent.target)) or "parameter", "", False
        return ("branch" if isinstance(parent, cst.If) else "parameter"), "", False

    def _training_role(self, variable: str) -> str:
        """The training name under which a variable alone is passed on: `batch_size=batch`."""
        if not _is_assigned_once(self._function, variable):
            return ""
        passed = (
            self._argument_name(call, arg)
            for call in inside(self._function, cst.Call)
            for arg in call.args
            if dotted(arg.value) == variable
        )
        return next((name for name in passed if name in TRAINING_PARAMETERS), "")

    def _argument_name(self, call: cst.Call, arg: cst.Arg) -> str:
        """What an argument stands for; empty where the call only passes it on."""
        path = self._imports.path(call.func) or dotted(call.func)
        function = path.rpartition(".")[2]
        if arg.keyword is not None:
            keyword = METHOD_ARGUMENTS.get(arg.keyword.value, arg.keyword.value)
            keyword = new_keyword(function, keyword)
            return "dropout" if keyword == "rate" and "Dropout" in function else keyword
        if function in _TRANSPARENT or function in PARSED:
            return ""
        position = [other for other in call.args if other.keyword is None].index(arg)
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "add":
            return "layer"
        if "Dropout" in function and position == 0:
            return "dropout"
        names = _POSITIONAL.get(function, ())
        own = self._script.function(function)
        if own is not None:
            names = tuple(parameter_names(own))
        return names[position] if position < len(names) else _snake(function)


def _is_assigned_once(function: cst.FunctionDef, variable: str) -> bool:
    targets = [dotted(target.target) for target in inside(function, cst.AssignTarget)]
    changed = [dotted(change.target) for change in inside(function, cst.AugAssign)]
    return [*targets, *changed].count(variable) == 1


def _snake(name: str) -> str:
    name = name.rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
