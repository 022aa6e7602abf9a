"""Which numbers training and models can use, so that a job that can't be trained isn't accepted."""

import math
from dataclasses import dataclass

from kerasearch.searchspaces.parameters import Choice, Normal, Parameter, Value


@dataclass(frozen=True)
class Domain:
    """Numbers that will do, all positive.

    Attributes:
        whole: It is a count; 16.0 will do.
        or_zero: 0 is allowed too.
        or_null: null is allowed too, and switches it off.
        most: The greatest.
        below: What it must stay below.
    """

    whole: bool = False
    or_zero: bool = False
    or_null: bool = False
    most: float = math.inf
    below: float = math.inf

    def __str__(self) -> str:
        least = "at least 0" if self.or_zero else "at least 1" if self.whole else "above 0"
        kind = "a whole number" if self.whole else "a number"
        most = f" and at most {self.most:g}" if self.most < math.inf else ""
        below = f" and below {self.below:g}" if self.below < math.inf else ""
        return f"{kind} {least}{most}{below}{' or null' if self.or_null else ''}"

    def admits(self, parameter: Parameter) -> bool:
        """Whether every value of a parameter will do."""
        if isinstance(parameter, Choice):
            return all(self._admits_value(value) for value in parameter.values)
        # A lognormal never reaches its bound 0.
        positive = isinstance(parameter, Normal) and parameter.log and parameter.step is None
        least, greatest = parameter.bounds()
        return (
            (positive or self._admits_number(least))
            and self._is_low_enough(greatest)
            and (parameter.is_whole() or not self.whole)
        )

    def _admits_value(self, value: Value) -> bool:
        if value is None:
            return self.or_null
        if isinstance(value, bool | str):
            return False
        return self._admits_number(value) and self._is_low_enough(value)

    def _admits_number(self, value: float) -> bool:
        return (value > 0 or (value == 0 and self.or_zero)) and (
            not self.whole or value == int(value)
        )

    def _is_low_enough(self, value: float) -> bool:
        return value <= self.most and (value < self.below or self.below == math.inf)


COUNT = Domain(whole=True)
WEIGHT = Domain(or_zero=True)
POSITIVE = Domain()
FRACTION = Domain(or_zero=True, most=1)
RATE = Domain(or_zero=True, below=1)
"""Of what is dropped: all of it would leave nothing to learn from."""

OF_MODELS = {
    "alpha": WEIGHT,
    "beta": WEIGHT,
    "blocks": COUNT,
    "code": COUNT,
    "columns": COUNT,
    "contraction": WEIGHT,
    "corruption": RATE,
    "dense_units": COUNT,
    "dropout": RATE,
    "filters": COUNT,
    "gibbs_steps": COUNT,
    "hidden": COUNT,
    "input_dropout": RATE,
    "kernel_size": COUNT,
    "l2": WEIGHT,
    "layers": COUNT,
    "noise": FRACTION,
    "penalty": WEIGHT,
    "pretraining_epochs": COUNT,
    "pretraining_rate": POSITIVE,
    "rate": POSITIVE,
    "rate_decay": POSITIVE,
    "recurrent_dropout": RATE,
    "rotation": FRACTION,
    "rows": COUNT,
    "shear": FRACTION,
    "sigma": POSITIVE,
    "sigma_decay": POSITIVE,
    "sparsity_weight": WEIGHT,
    "units": COUNT,
    "width": COUNT,
    "window": COUNT,
    "zoom": FRACTION,
}
"""By name, which means the same in every family; `units_2` is read as `units`."""


def domain_of(name: str) -> Domain | None:
    """Of a family's parameter, where its name says which numbers it can be."""
    stem, _, number = name.rpartition("_")
    return OF_MODELS.get(stem if number.isdecimal() else name)
