"""Whether a job's parameter stays within the one that a plugin was recorded with."""

from collections.abc import Iterable

from kerasearch.searchspaces.conditions import refusal
from kerasearch.searchspaces.parameters import MAX_VALUES, Choice, Float, Int, Parameter, Value


def outside(parameter: Parameter, recorded: Parameter) -> str:
    """Why a parameter has values that the recorded one doesn't; empty where it has none.

    A recorded float counts as the range alone, a step's width wider, and may be distributed in
    another way: KerasTuner has no normal and no rounding, so the job of an imported Hyperas script
    says what the plugin can't.
    """
    if not isinstance(recorded, Float):
        return next(filter(None, (refusal(recorded, value) for value in _values(parameter))), "")
    if isinstance(parameter, Choice):
        numbers = [v for v in parameter.values if isinstance(v, int | float)]
    elif isinstance(parameter, Float | Int):
        numbers = [parameter.low, parameter.high]
    else:
        return ""
    reach = recorded.step or 0.0
    for number in numbers:
        if not recorded.low - reach <= number <= recorded.high + reach:
            return f"must be {recorded}, not {number:g}"
    return ""


def _values(parameter: Parameter) -> Iterable[Value]:
    """All of them, or of very many the least and the greatest."""
    match parameter:
        case Choice(values=values):
            return values
        case Int(low=low, high=high, step=step) if parameter.count() <= MAX_VALUES:
            return range(low, high + 1, step or 1)
    return parameter.bounds()
