"""The parameters that training reads in every family, and what each may be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerasearch.searchspaces.parameters import Choice, Normal, Parameter, Params, Value
from kerasearch.searchspaces.problems import Problem, pointer_to, unknown

if TYPE_CHECKING:
    pass  # which knows this module

OPTIMIZERS = (
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lion",
    "nadam",
    "rmsprop",
    "sgd",
)
"""What `keras.optimizers.get` knows by name and that fits any weights as it is."""


@dataclass(frozen=True)
class TrainingNumber:
    """A number that training reads, always positive.

    Attributes:
        whole: It is a count; 16.0 will do.
        or_zero: 0 is allowed too.
        or_null: null is allowed too, and switches it off.
    """

    whole: bool = False
    or_zero: bool = False
    or_null: bool = False

    def __str__(self) -> str:
        least = "at least 0" if self.or_zero else "at least 1" if self.whole else "above 0"
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} {least}{' or null' if self.or_null else ''}"

    def admits(self, parameter: Parameter) -> bool:
        """Whether every value of a parameter will do."""
        if isinstance(parameter, Choice):
            return all(self._admits_value(value) for value in parameter.values)
        # A lognormal never reaches its bound 0.
        positive = isinstance(parameter, Normal) and parameter.log and parameter.step is None
        least = parameter.bounds()[0]
        return (positive or self._admits_value(least)) and (parameter.is_whole() or not self.whole)

    def _admits_value(self, value: Value) -> bool:
        if value is None:
            return self.or_null
        if isinstance(value, bool | str):
            return False
        return (value > 0 or (value == 0 and self.or_zero)) and (
            not self.whole or value == int(value)
        )


TRAINING_NUMBERS = {
    "learning_rate": TrainingNumber(),
    "batch_size": TrainingNumber(whole=True),
    "clipnorm": TrainingNumber(or_null=True),
    "weight_decay": TrainingNumber(or_zero=True, or_null=True),
    "epochs": TrainingNumber(whole=True),
}

TRAINING_PARAMETERS = ("optimizer", *TRAINING_NUMBERS)

DEFAULTS: Params = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 32,
    "clipnorm": None,
    "weight_decay": None,
}
"""Where a space doesn't name them; `epochs` is the budget's then."""


def training_problems(name: str, parameter: Parameter) -> Iterator[Problem]:
    """Why training can't use a parameter that it reads, under this name or the one it sets.

    Pointers stop at the parameter, which may have been written as a string or a plain value.
    """
    read_as = parameter.sets or name
    if read_as in TRAINING_NUMBERS:
        if not TRAINING_NUMBERS[read_as].admits(parameter):
            detail = f"{read_as} must be {TRAINING_NUMBERS[read_as]}, and {parameter} isn't always"
            yield Problem(pointer_to(name), detail)
    elif read_as != "optimizer":
        return
    elif not isinstance(parameter, Choice):
        yield Problem(pointer_to(name), "an optimizer is a choice of names: [adam, sgd]")
    else:
        for value in parameter.values:
            if value not in OPTIMIZERS:
                yield Problem(pointer_to(name), unknown("optimizer", str(value), OPTIMIZERS))
