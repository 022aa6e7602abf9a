"""The parameters of a space: what each may be, and how it is distributed.

Every kind says which values it allows (`allow`), draws one (`draw`), counts them (`count`), and
describes itself (`str`).
"""

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    model_validator,
)

from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to
from kerasearch.searchspaces.values import (
    MAX_INTEGER,
    Params,
    Value,
    as_number,
    identity,
    plain_value,
    shown,
)

__all__ = ["Choice", "Float", "Int", "Normal", "Parameter", "Params", "Value", "When", "identity"]

MAX_VALUES = 1_000

PlainValue = Annotated[Value, PlainValidator(plain_value, json_schema_input_type=Value)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Integer = Annotated[int, Strict(), Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Flag = Annotated[bool, Strict()]
When = dict[str, tuple[PlainValue, ...]] | None


def _list_problems(pointer: str, values: tuple[Value, ...]) -> Iterator[Problem]:
    if not values:
        yield Problem(pointer, "give at least one value, not an empty list")
    if len(values) > MAX_VALUES:
        yield Problem(
            pointer, f"at most {MAX_VALUES} values, not {len(values)}; use an int or float"
        )
        return
    seen: set[tuple[bool, Value]] = set()
    for index, value in enumerate(values):
        if identity(value) in seen:
            yield Problem(
                f"{pointer}/{index}",
                f"values are distinct, and {shown(value)} came before; drop it",
            )
        seen.add(identity(value))


class _Parameter(BaseModel):
    """What every kind has.

    Attributes:
        when: Parent to those of its values that activate this parameter; all parents must agree.
            None says nothing, so that a family's default condition stays; `{}` says always.
        sets: The name that training reads it under, where that isn't its own (see `setters`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: When = None
    sets: str | None = None

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        problems = [*self._problems()]
        for parent, values in (self.when or {}).items():
            problems += _list_problems(pointer_to("when", parent), values)
        if problems:
            raise InvalidInput(problems)
        return self

    def _problems(self) -> Iterable[Problem]:
        raise NotImplementedError

    def canonical(self) -> dict[str, object]:
        """The parameter in JSON's types, what was not said left out."""
        fields: dict[str, object] = self.model_dump(mode="json")
        for name in ("when", "sets"):
            fields[name] = fields.pop(name)  # last, where a person looks for it
        return {name: value for name, value in fields.items() if value is not None}


class Choice(_Parameter):
    """One of some values, none nearer to another."""

    type: Literal["choice"] = "choice"
    values: tuple[PlainValue, ...]

    def _problems(self) -> Iterable[Problem]:
        return _list_problems("/values", self.values)

    def allow(self, value: Value) -> Value:
        """The space's own value that equals this one; ValueError when there is none."""
        if identity(value) in self._own_values:
            return self._own_values[identity(value)]
        raise ValueError(f"must be one of {self._listed()}, not {shown(value)}")

    @cached_property
    def _own_values(self) -> dict[tuple[bool, Value], Value]:
        return {identity(value): value for value in self.values}

    def draw(self, rng: Random) -> Value:
        return rng.choice(self.values)

    def count(self) -> int:
        return len(self.values)

    def _listed(self) -> str:
        few = ", ".join(str(value) for value in self.values[:20])
        return few if len(self.values) <= 20 else f"{few}, ... ({len(self.values)} values)"

    def __str__(self) -> str:
        return f"choice of {self._listed()}"


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _range_problems(low: float, high: float, log: bool, step: float | None) -> Iterator[Problem]:
    if not low < high:
        mend = "for one value write it alone" if low == high else "exchange them"
        yield Problem("/low", f"low must be below high {high}, not {low}: {mend}")
    elif not math.isfinite(high - low):
        yield Problem("/high", f"{low} to {high} is too wide a range to draw from; narrow it")
    if log and low <= 0:
        yield Problem("/low", f"log needs a low above 0, not {low}; raise it or drop log")
    if step is None:
        return
    if log:
        yield Problem("/step", "log and step exclude each other; drop one")
    if step <= 0:
        yield Problem("/step", f"step must be above 0, not {step}")
    elif low < high and math.isfinite(high - low):
        yield from _step_problems(low, high, step)


def _step_problems(low: float, high: float, step: float) -> Iterator[Problem]:
    steps = (_decimal(high) - _decimal(low)) / _decimal(step)
    if steps < 1:
        yield Problem("/step", f"step must fit between {low} and {high}, and {step} does not")
    elif steps > MAX_INTEGER:
        yield Problem("/step", f"{step} is too fine for {low} to {high}; drop step")
    elif steps != int(steps):
        last = type(high)(_decimal(low) + int(steps) * _decimal(step))
        yield Problem(
            "/step",
            f"steps of {step} from {low} pass by {high}; change step, or make high {last}",
        )


def _multiple(number: float, unit: float) -> float:
    """The nearest multiple, as Hyperopt rounds: `numpy.round(number / unit) * unit`."""
    return round(number / unit) * unit


def _near(one: float, other: float, unit: float) -> bool:
    """Equal up to the rounding that one product and one sum bring."""
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9 * unit)


class Float(_Parameter):
    """A real number in [low, high], uniform, or with `log` uniform in its logarithm.

    Attributes:
        step: Only low, low + step, ..., high.
        round_to: What is drawn goes to its nearest multiple, which may lie a little outside
            [low, high]: exactly the meaning of Hyperopt's `quniform` and `qloguniform`.
    """

    type: Literal["float"] = "float"
    low: Number
    high: Number
    log: Flag = False
    step: Number | None = None
    round_to: Number | None = None

    def _problems(self) -> Iterator[Problem]:
        yield from _range_problems(self.low, self.high, self.log, self.step)
        if self.round_to is None:
            return
        if self.step is not None:
            yield Problem("/round_to", "step and round_to exclude each other; drop one")
        if self.round_to <= 0:
            yield Problem("/round_to", f"round_to must be above 0, not {self.round_to}")
        elif max(abs(self.low), abs(self.high)) / self.round_to > MAX_INTEGER:
            yield Problem("/round_to", f"{self.round_to} is too fine for this range; drop round_to")

    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value."""
        if self.round_to is None:
            return self.low, self.high
        first, last = self._multiples(self.round_to)
        return first * self.round_to, last * self.round_to

    def allow(self, value: Value) -> Value:
        """The value as a float, the grid's own one where there is a grid; ValueError outside."""
        number = as_number(value)
        least, greatest = self.bounds()
        unit = self.step or self.round_to
        if unit is None:
            if least <= number <= greatest:
                return float(number)
        elif least - unit < number < greatest + unit:
            nearest = self._nearest(number)
            if least <= nearest <= greatest and _near(number, nearest, unit):
                return nearest
        raise ValueError(f"must be {self}, not {shown(value)}")

    def rounded(self, drawn: float) -> float:
        """The value that a draw from [low, high] stands for."""
        if self.round_to is None:
            return drawn
        first, last = self._multiples(self.round_to)
        return min(max(round(drawn / self.round_to), first), last) * self.round_to

    def _multiples(self, unit: float) -> tuple[int, int]:
        # Those that are drawn with a positive probability: of quniform(1, 10, 2) 0 isn't one.
        return math.floor(self.low / unit + 0.5), math.ceil(self.high / unit - 0.5)

    def _nearest(self, number: float) -> float:
        if self.step is None:
            return self.rounded(number)
        return self._on_grid(round((number - self.low) / self.step))

    def _on_grid(self, index: int) -> float:
        # In decimals, so that steps of 0.1 give 0.3 and not 0.30000000000000004.
        return float(_decimal(self.low) + index * _decimal(self.step or 0.0))

    def draw(self, rng: Random) -> Value:
        if self.step is not None:
            return self._on_grid(rng.randrange(self.count() or 1))
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = rng.uniform(self.low, self.high)
        # exp and uniform may round past an end
        return self.rounded(min(max(drawn, self.low), self.high))

    def count(self) -> int | None:
        if self.step is not None:
            return int((_decimal(self.high) - _decimal(self.low)) / _decimal(self.step)) + 1
        if self.round_to is not None:
            first, last = self._multiples(self.round_to)
            return last - first + 1
        return None

    def is_whole(self) -> bool:
        unit = self.step or self.round_to or 0.5
        return unit.is_integer() and (self.step is None or self.low.is_integer())

    def __str__(self) -> str:
        return f"float from {self.low:g} to {self.high:g}" + _manner(
            self.log, self.step, self.round_to
        )


class Int(_Parameter):
    """An integer in [low, high], uniform, or with `log` uniform in its logarithm.

    Attributes:
        step: Only low, low + step, ..., high.
    """

    type: Literal["int"] = "int"
    low: Integer
    high: Integer
    log: Flag = False
    step: Integer | None = None

    def _problems(self) -> Iterator[Problem]:
        return _range_problems(self.low, self.high, self.log, self.step)

    @property
    def _values(self) -> range:
        return range(self.low, self.high + 1, self.step or 1)

    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return self.low, self.high

    def allow(self, value: Value) -> Value:
        """The value as an int, also where it came as 10.0; ValueError outside."""
        number = as_number(value)
        if math.isfinite(number) and number == int(number) and int(number) in self._values:
            return int(number)
        raise ValueError(f"must be {self}, not {shown(value)}")

    def draw(self, rng: Random) -> Value:
        if not self.log:
            return rng.choice(self._values)
        # Half a unit more at both ends, so that the ends get a whole unit's share as the rest does.
        drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(drawn), self.low), self.high)

    def count(self) -> int:
        return len(self._values)

    def is_whole(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"int from {self.low} to {self.high}" + _manner(self.log, self.step, None)


class Normal(_Parameter):
    """A normally distributed number, or with `log` one whose logarithm is.

    Attributes:
        mean: Of the number, with `log` of its logarithm.
        std: Standard deviation of the same.
        step: What is drawn goes to its nearest multiple: Hyperopt's `qnormal` and `qlognormal`.
    """

    type: Literal["normal"] = "normal"
    mean: Number
    std: Number
    log: Flag = False
    step: Number | None = None

    def _problems(self) -> Iterator[Problem]:
        if self.std <= 0:
            yield Problem("/std", f"std must be above 0, not {self.std}")
        # 20 standard deviations are never drawn; a double's exponential ends near 709.
        reach = abs(self.mean) + 20 * self.std
        if self.log and reach > 700:
            yield Problem(
                "/mean",
                f"with log, mean and std are the logarithm's, and exp({reach:g}) is too large",
            )
        elif not math.isfinite(reach):
            yield Problem("/std", "mean and std are too large to draw from; lower them")
        if self.step is not None and self.step <= 0:
            yield Problem("/step", f"step must be above 0, not {self.step}")
        elif self.step is not None and reach / self.step > MAX_INTEGER:
            yield Problem("/step", f"{self.step} is too fine for this distribution; drop step")

    def bounds(self) -> tuple[float, float]:
        """What no value lies outside of."""
        return (0.0 if self.log else -math.inf), math.inf

    def allow(self, value: Value) -> Value:
        """The value as a float, with `step` the multiple's own; ValueError if never drawn."""
        number = float(as_number(value))
        if not self.log or number > 0 or (number == 0 and self.step is not None):
            if self.step is None:
                return number
            if math.isfinite(number / self.step):
                nearest = _multiple(number, self.step)
                if _near(number, nearest, self.step):
                    return nearest
        raise ValueError(f"must be {self}, not {shown(value)}")

    def draw(self, rng: Random) -> Value:
        drawn = rng.gauss(self.mean, self.std)
        if self.log:
            drawn = math.exp(drawn)
        return drawn if self.step is None else _multiple(drawn, self.step)

    def count(self) -> None:
        return None

    def is_whole(self) -> bool:
        return self.step is not None and self.step.is_integer()

    def __str__(self) -> str:
        return f"normal of mean {self.mean:g} and std {self.std:g}" + _manner(
            self.log, None, self.step
        )


def _manner(log: bool, step: float | None, round_to: float | None) -> str:
    words = [
        ", log" if log else "",
        f", step {step:g}" if step is not None else "",
        f", rounded to multiples of {round_to:g}" if round_to is not None else "",
    ]
    return "".join(words)


Parameter = Choice | Float | Int | Normal
