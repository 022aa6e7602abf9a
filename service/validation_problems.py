"""What pydantic says of bad input, in this project's words."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from kerasearch.searchspaces.problems import Problem, pointer_to, unknown
from kerasearch.searchspaces.values import shown

MUST_BE = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping of names to values",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "model_attributes_type": "a mapping of names to values",
    "model_type": "a mapping of names to values",
    "string_too_long": "a text of at most {max_length} characters",
    "string_too_short": "a text of at least {min_length} character",
    "string_type": "a text",
    "string_unicode": "a text of valid Unicode",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
}
"""What must hold where pydantic reports one of these, with the limits that it gives."""


UNION_TAGS = ("(one)", "(several)")
"""By which a union tells its members apart; no names of fields."""


def problems_of(errors: Iterable[Any], model: type[BaseModel] | None) -> Iterator[Problem]:
    """Pydantic's errors as ours: pointers, and the nearest name for one that isn't known.

    Args:
        errors: Of a ValidationError.
        model: What was validated, for the names of its fields.
    """
    for error in errors:
        yield Problem(pointer_to(*_path(error)), _detail(error, model))


def _path(error: Any) -> list[str | int]:
    """Where it is in the document; pydantic adds the tag of a union's member."""
    first, rest = error["loc"][:1], error["loc"][1:]
    return [*first, *(part for part in rest if part not in UNION_TAGS)]


def _detail(error: Any, model: type[BaseModel] | None) -> str:
    kind, path, came = error["type"], _path(error), error.get("input")
    limits = error.get("ctx", {})
    if kind == "missing":
        return "must be given"
    if kind == "extra_forbidden":
        return unknown("field", str(path[-1]), _fields(model, path[:-1]))
    if kind == "value_error":
        return str(limits["error"])
    if kind == "json_invalid":
        return f"must be JSON: {limits['error']}"
    if kind in ("literal_error", "enum") and isinstance(came, str):
        return unknown(str(path[-1]), came, re.findall("'(.*?)'", limits["expected"]))
    if kind == "literal_error":
        return f"must be {limits['expected']}, not {_as_json(came)}"
    if kind in ("too_long", "too_short"):
        return f"must be {MUST_BE[kind].format(**limits)}, not of {limits['actual_length']}"
    must_be = MUST_BE.get(kind, "").format(**limits)
    return f"must be {must_be}, not {_as_json(came)}" if must_be else error["msg"]


def _fields(model: type[BaseModel] | None, path: Sequence[object]) -> list[str]:
    """Names of the fields of the model that `path` leads to, none where it leads elsewhere."""
    for part in path:
        if model is None:
            return []
        if isinstance(part, int):
            continue  # the model is that of the list's items
        field = model.model_fields.get(str(part))
        model = None if field is None else next(_models_in(field.annotation), None)
    return [] if model is None else list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _as_json(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
    return shown(value)
