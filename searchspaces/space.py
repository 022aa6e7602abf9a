"""The search space: named parameters, conditions between them, and every form of writing them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Self

from kerasearch.searchspaces.conditions import describe_when, holds, resolve
from kerasearch.searchspaces.hyperas import is_hyperas, parse_hyperas
from kerasearch.searchspaces.parameters import (
    Choice,
    Float,
    Int,
    Normal,
    Parameter,
)
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown
from kerasearch.searchspaces.reading import parse_parameter
from kerasearch.searchspaces.setters import beside_setters, overlaps, setter_problems
from kerasearch.searchspaces.size import TooEntangled, count_configurations
from kerasearch.searchspaces.values import Params, Value, plain_value

__all__ = ["Choice", "Float", "Int", "Normal", "Parameter", "Params", "SearchSpace", "Value"]

MAX_PARAMETERS = 100
MAX_NAME = 64


@dataclass(frozen=True)
class SearchSpace:
    """Parameters by name, every parent before its children. Made by `parse`, which checks it."""

    parameters: Mapping[str, Parameter]

    @classmethod
    def parse(cls, raw: Mapping[str, object], defaults: "SearchSpace | None" = None) -> Self:
        """The space that a mapping means, over a family's default where one is given.

        Each value is a parameter, its canonical mapping, a Hyperas string, or a plain value, which
        fixes the parameter. What `raw` names replaces the default's parameter; where it says no
        `when`, the default's condition stays. Conditions of the default are narrowed to what the
        new parents can be, and default parameters that can't be active any more, or whose name is
        set by a parameter of `raw`, are left out.

        Raises:
            InvalidInput: With every problem found; pointers start at `raw`.
        """
        if not isinstance(raw, Mapping):
            raise InvalidInput.at("", "a space maps names to parameters: {units: [...], ...}")
        if len(raw) > MAX_PARAMETERS:
            detail = f"a space has at most {MAX_PARAMETERS} parameters, not {len(raw)}"
            raise InvalidInput.at("", detail)
        own: dict[str, Parameter | None] = {}
        problems: list[Problem] = []
        for name, value in raw.items():
            problems += _name_problems(name)
            try:
                own[str(name)] = _read(value)
            except InvalidInput as error:
                own[str(name)] = None
                problems += error.under(pointer_to(name)).problems
        problems += setter_problems(own)
        default = beside_setters(own, defaults.parameters if defaults else {})
        parameters, wrong_conditions = resolve(own, default)
        problems += wrong_conditions
        if not problems:  # else a parent may be missing
            problems += overlaps(parameters)
        if problems:
            raise InvalidInput(problems)
        try:
            count_configurations(parameters)
        except TooEntangled as error:
            raise InvalidInput.at("", str(error)) from None
        return cls(parameters)

    def over(self, defaults: "SearchSpace") -> "SearchSpace":
        """This space over a family's default, as `parse` lays it."""
        return SearchSpace.parse(self.parameters, defaults)

    def canonical(self) -> dict[str, object]:
        """The space in JSON's types; parsed again it is itself."""
        return {name: parameter.canonical() for name, parameter in self.parameters.items()}

    def size(self) -> int | None:
        """Distinct configurations, inactive parameters not multiplied in; None if infinite.

        Constraints, which are no part of the space, may leave fewer.
        """
        return count_configurations(self.parameters)

    def branches(self) -> int:
        """The same, a parameter of infinitely many values counted as if it had one."""
        return count_configurations(self.parameters, infinite_as=1) or 0

    def is_active(self, name: str, params: Mapping[str, Value]) -> bool:
        """Whether every parent is active itself, and of a value that activates this parameter."""
        active: Params = {}
        for other, parameter in self.parameters.items():
            if holds(parameter.when, active):
                if other == name:
                    return True
                if other in params:
                    active[other] = params[other]
        return False

    def sample(self, rng: Random) -> Params:
        """One configuration, active parameters only."""
        params: Params = {}
        for name, parameter in self.parameters.items():
            if holds(parameter.when, params):
                params[name] = parameter.draw(rng)
        return params

    def check(self, params: Mapping[str, object]) -> Params:
        """The params as the space itself would give them.

        Raises:
            InvalidInput: An active parameter is missing, an inactive or unknown one is there, or a
                value is outside the space.
        """
        problems = [
            Problem(pointer_to(name), unknown("parameter", str(name), self.parameters))
            for name in params
            if name not in self.parameters
        ]
        checked: Params = {}
        undecided: set[str] = set()
        for name, parameter in self.parameters.items():
            if not undecided.isdisjoint(parameter.when or ()):
                undecided.add(name)
            elif not holds(parameter.when, checked):
                if name in params:
                    needed = describe_when(parameter.when)
                    detail = f"isn't active, for it needs that {needed}; leave it out"
                    problems.append(Problem(pointer_to(name), detail))
            elif name not in params:
                undecided.add(name)
                problems.append(Problem(pointer_to(name), f"give it a value: {parameter}"))
            else:
                try:
                    checked[name] = parameter.allow(plain_value(params[name]))
                except ValueError as error:
                    undecided.add(name)
                    problems.append(Problem(pointer_to(name), str(error)))
        if problems:
            raise InvalidInput(problems)
        return checked

    def with_fixed(self, params: Mapping[str, Value]) -> Params:
        """The params, and what they needn't say: active parameters of a single value."""
        complete = dict(params)
        for name, parameter in self.parameters.items():
            if name not in complete and holds(parameter.when, complete):
                match parameter:
                    case Choice(values=(only,)):
                        complete[name] = only
        return complete

    def settings(self, params: Mapping[str, Value]) -> Params:
        """Params of this space under the names that model and training read."""
        return {self.parameters[name].sets or name: value for name, value in params.items()}

    def table(self) -> list[tuple[str, str, str, str]]:
        """Name, distribution, condition and the name set of each parameter, in words."""
        return [
            (name, str(parameter), describe_when(parameter.when), parameter.sets or "")
            for name, parameter in self.parameters.items()
        ]


def _name_problems(name: object) -> Iterable[Problem]:
    if not isinstance(name, str) or not (name.isascii() and name.isidentifier()):
        detail = "a parameter's name is letters, digits and underscores, no digit first"
        yield Problem(pointer_to(str(name)[:MAX_NAME]), detail)
    elif len(name) > MAX_NAME:
        detail = f"a parameter's name has at most {MAX_NAME} characters, not {len(name)}"
        yield Problem(pointer_to(name[:MAX_NAME]), detail)


def _read(raw: object) -> Parameter:
    match raw:
        case Choice() | Float() | Int() | Normal():
            return raw
        case Mapping():
            return parse_parameter(raw)
        case str() if is_hyperas(raw):
            return parse_hyperas(raw)
        case list() | tuple():
            raise InvalidInput.at(
                "", "for one of several values write {type: choice, values: [...]}"
            )
    try:
        return Choice(values=(plain_value(raw),))
    except ValueError as error:
        raise InvalidInput.at("", str(error)) from None
