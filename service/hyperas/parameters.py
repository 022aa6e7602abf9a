"""A template as KerasTuner's convention writes it, and as a job's space does."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import libcst as cst

from kerasearch.searchspaces.hyperas import parse_hyperas
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.reading import parse_parameter
from kerasearch.searchspaces.training import TRAINING_PARAMETERS, training_problems
from kerasearch.service.hyperas.constants import Unknown, evaluate
from kerasearch.service.hyperas.notes import CannotImport, Note
from kerasearch.service.hyperas.script import Script
from kerasearch.service.hyperas.syntax import dotted, inside
from kerasearch.service.hyperas.templates import Template, templates_in

Condition = tuple[str, tuple[object, ...]]
"""A parent and its values."""

LABEL_LENGTH = 60


@dataclass(frozen=True)
class Option:
    """One of a choice's options.

    Attributes:
        label: What the parameter's value is.
        value: What the option is worth; Unknown (the class) where that can't be known unrun.
    """

    label: object
    value: object
    node: cst.BaseExpression


@dataclass(frozen=True)
class Parameter:
    """A template, and what becomes of it.

    Attributes:
        method: Of `hp`, with all but the name: `Choice`, and `[64, 128]`.
        options: Of a choice whose options are written out.
        stands_for: How to get the meant value from the parameter's: itself, a table of labels,
            or a branch, which is taken for options that make something.
        in_space: As the job's space must say it, where `hp` can't say the same exactly.
        conditions: Parents before this, each with the values under which it is read.
    """

    template: Template
    name: str
    method: str
    arguments: str
    options: tuple[Option, ...] = ()
    stands_for: str = "value"
    in_space: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def call(self) -> str:
        arguments = f", {self.arguments}" if self.arguments else ""
        return f'hp.{self.method}("{self.name}"{arguments})'


def make_parameter(script: Script, template: Template, notes: list[Note]) -> Parameter:
    """What a template becomes, without its conditions.

    Raises:
        CannotImport: It has no options.
    """
    if template.distribution in ("choice", "pchoice"):
        made = _choice(script, template, notes)
    else:
        made = _number(script, template, notes)
    return _fit_for_training(made)


def _number(script: Script, template: Template, notes: list[Note]) -> Parameter:
    a = {name: script.code(node) for name, node in template.arguments.items()}
    made = Parameter(template, template.name, "Float", "")
    exact = True
    match template.distribution:
        case "uniform":
            arguments = f"{a['low']}, {a['high']}"
        case "quniform":
            arguments, exact = f"{a['low']}, {a['high']}, step={a['q']}", False
        case "loguniform" | "qloguniform" as name:
            arguments = f'math.exp({a["low"]}), math.exp({a["high"]}), sampling="log"'
            exact = name == "loguniform"
        case "normal" | "qnormal":
            spread = f"3 * {_bracketed(a['sigma'])}"
            arguments, exact = f"{a['mu']} - {spread}, {a['mu']} + {spread}", False
        case "lognormal" | "qlognormal":
            low, high = (f"math.exp({a['mu']} {s} 3 * {_bracketed(a['sigma'])})" for s in "-+")
            arguments, exact = f'{low}, {high}, sampling="log"', False
        case "randint":
            low, high = (a["low"], a["high"]) if "high" in a else ("0", a["low"])
            return replace(made, method="Int", arguments=f"{low}, {high} - 1")
        case _:
            return replace(made, method="Int", arguments=f"{a['low']}, {a['high']}")
    made = replace(made, arguments=arguments)
    return made if exact else replace(made, in_space=_hyperas_string(script, template, notes))


def _bracketed(code: str) -> str:
    return code if code.replace(".", "").isalnum() else f"({code})"


def _hyperas_string(script: Script, template: Template, notes: list[Note]) -> str:
    """The template as the job's space writes it, its arguments worked out."""
    try:
        return _worked_out(template)
    except Unknown:
        text = (
            f"{template.name} is {template.distribution} of something that isn't written out, "
            "so the plugin searches a plain range"
        )
        advice = f"write {template.name} with its numbers under space in the job file"
        notes.append(Note(template.line, text, advice))
        return ""


def _choice(script: Script, template: Template, notes: list[Note]) -> Parameter:
    node = next(iter(template.arguments.values()))
    made = Parameter(template, template.name, "Choice", script.code(node))
    if not isinstance(node, cst.List | cst.Tuple):
        return made
    nodes = [element.value for element in node.elements]
    if template.distribution == "pchoice":
        pairs = [node.elements for node in nodes if isinstance(node, cst.Tuple)]
        nodes = [pair[1].value for pair in pairs if len(pair) == 2]
        text = f"the probabilities of {template.name} aren't carried over: its options are alike"
        notes.append(Note(template.line, text))
    if not nodes:
        raise CannotImport(
            f"{script.path}: {script.place(template.line)}: a choice needs options in its list"
        )
    options = _distinct(script, [_option(script, n) for n in nodes], template, notes)
    if all(option.value is not Unknown for option in options):
        kinds = {type(option.value) for option in options}
        if kinds == {bool} and len(options) == 2:
            return replace(made, method="Boolean", arguments="", options=options)
        if kinds in ({str}, {int}, {float}):
            code = ", ".join(script.code(option.node) for option in options)
            return replace(made, arguments=f"[{code}]", options=options)
        if kinds == {int, float}:  # KerasTuner wants them alike
            options = tuple(
                replace(o, label=_float(o.value), value=_float(o.value)) for o in options
            )
            code = ", ".join(repr(option.value) for option in options)
            return replace(made, arguments=f"[{code}]", options=options)
    options = _labelled(script, options)
    builds = any([*inside(o.node, cst.Call, cst.Lambda)] for o in options)
    labels = ", ".join(f'"{option.label}"' for option in options)
    stands_for = "branch" if builds else "table"
    return replace(made, arguments=f"[{labels}]", options=options, stands_for=stands_for)


def _float(value: object) -> float:
    assert isinstance(value, int | float)  # noqa: S101 - its one caller's case
    return float(value)


def _option(script: Script, node: cst.BaseExpression) -> Option:
    try:
        value = evaluate(node)
    except Unknown:
        return Option(script.code(node), Unknown, node)
    return Option(value, value, node)


def _distinct(
    script: Script, options: list[Option], template: Template, notes: list[Note]
) -> tuple[Option, ...]:
    kept: dict[str, Option] = {}
    for option in options:
        kept.setdefault(repr((type(option.label), option.label)), option)
    if len(kept) < len(options):
        text = f"{template.name} lists an option more than once; each counts once now"
        notes.append(Note(template.line, text))
    return (*kept.values(),)


def _labelled(script: Script, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Options named by what they are, for a parameter's values must be text, alike and distinct."""
    short = [
        dotted(o.node.func).rpartition(".")[2].lower() if isinstance(o.node, cst.Call) else ""
        for o in options
    ]
    counts = Counter(short)
    labels: list[str] = []
    for number, (option, name) in enumerate(zip(options, short, strict=True), start=1):
        code = script.code(option.node) if name == "" or counts[name] > 1 else name
        if isinstance(option.value, str):
            code = option.value
        plain = code.isprintable() and '"' not in code and "\\" not in code
        holds_template = code != name and any(templates_in(option.node))
        if not plain or holds_template or len(code) > LABEL_LENGTH:
            code = f"{name or 'option'}_{number}"
        labels.append(code)
    return tuple(replace(o, label=label) for o, label in zip(options, labels, strict=True))


def _fit_for_training(parameter: Parameter) -> Parameter:
    """Another name where training would take values for its own that it can't use."""
    if parameter.name not in TRAINING_PARAMETERS:
        return parameter
    if parameter.name == "optimizer" and parameter.template.is_training:
        parameter = _lower_case(parameter)
    if _suits(parameter):
        return parameter
    return replace(parameter, name=f"{parameter.name}_choice")


def _lower_case(parameter: Parameter) -> Parameter:
    """Keras takes `Adam` for `adam`; training knows optimizers by their lower-case names."""
    if parameter.template.variable or not all(isinstance(o.label, str) for o in parameter.options):
        return parameter
    options = tuple(replace(o, label=str(o.label).lower()) for o in parameter.options)
    if len({option.label for option in options}) < len(options):
        return parameter
    labels = ", ".join(f'"{option.label}"' for option in options)
    return replace(parameter, options=options, arguments=f"[{labels}]")


def _suits(parameter: Parameter) -> bool:
    try:
        if parameter.options:
            values = tuple(option.label for option in parameter.options)
            meant = parse_parameter({"type": "choice", "values": values})
        else:
            meant = parse_hyperas(_worked_out(parameter.template))
    except (InvalidInput, Unknown):
        return False
    return not any(training_problems(parameter.name, meant))


def _worked_out(template: Template) -> str:
    values = [evaluate(node) for node in template.arguments.values()]
    return f"{{{{{template.distribution}({', '.join(map(repr, values))})}}}}"


def space_entry(parameter: Parameter) -> object:
    """What the job's space says of a parameter that `hp` can't say exactly."""
    if not parameter.conditions:
        return parameter.in_space
    meant: Mapping[str, object] = parse_hyperas(parameter.in_space).model_dump(exclude_none=True)
    return {**meant, "when": {parent: [*values] for parent, values in parameter.conditions}}
