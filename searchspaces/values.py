"""The values that a parameter can take."""

import math
from collections.abc import Mapping

Value = bool | int | float | str | None
Params = dict[str, Value]

MAX_TEXT = 500
MAX_INTEGER = 2**53  # up to here every integer is exact as a float, so in every JSON reader too


def identity(value: Value) -> tuple[bool, Value]:
    """What makes a value itself: 1 and 1.0 are one value, 1 and True are two."""
    return isinstance(value, bool), value


def shown(value: object) -> str:
    """A value as an error message shows it: short, whatever came."""
    match value:
        case int() if abs(value) > MAX_INTEGER:
            return f"an integer of {value.bit_length()} bits"
        case None | bool() | int() | float():
            return repr(value)
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "...")
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
    return f"a {type(value).__name__}"


def plain_value(value: object) -> Value:
    """The same value as a bare Python one.

    Raises:
        ValueError: It is no bool, finite number, printable text or None, or it is too large.
    """
    match value:
        case None | bool():
            return value
        case int() if abs(value) <= MAX_INTEGER:
            return int(value)
        case int():
            raise ValueError(f"an integer lies within ±2^53, so not {shown(value)}")
        case float() if math.isfinite(value):
            return float(value)
        case float():
            raise ValueError(f"a number is finite, not {value}; leave it out or give a finite one")
        case str() if len(value) <= MAX_TEXT and value.isprintable():
            return str(value)
        case str():
            raise ValueError(f"a text is printable and at most {MAX_TEXT} characters long")
    raise ValueError(
        f"a value is a number, a text, true, false or null, not {shown(value)}; "
        "give each a name, and let the model look up what it stands for"
    )


def as_number(value: Value) -> float:
    """The same number; ValueError for what is none, such as a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {shown(value)}")  # noqa: TRY004 - data, not code
    return value
