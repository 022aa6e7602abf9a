"""A parameter from its canonical mapping, strictly."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from kerasearch.searchspaces.parameters import Choice, Float, Int, Normal, Parameter
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to, unknown
from kerasearch.searchspaces.values import shown

KINDS: dict[str, type[Parameter]] = {
    "choice": Choice,
    "float": Float,
    "int": Int,
    "normal": Normal,
}

EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping of a parent to a list of its values",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than_equal": "at least -2^53",
    "int_type": "a whole number",
    "less_than_equal": "at most 2^53",
    "string_type": "a text",
    "tuple_type": "a list",
}
"""What must hold where pydantic reports one of these."""


def parse_parameter(raw: Mapping[object, object]) -> Parameter:
    """The parameter that a canonical mapping means.

    Raises:
        InvalidInput: With every problem found.
    """
    kind = raw.get("type")
    if "type" not in raw:
        raise InvalidInput.at("", f"a parameter says its type: one of {', '.join(KINDS)}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidInput.at("/type", unknown("parameter type", str(kind), KINDS))
    try:
        return KINDS[kind].model_validate(dict(raw))
    except ValidationError as error:
        raise InvalidInput(_problems_of(kind, error)) from None


def _problems_of(kind: str, error: ValidationError) -> Iterator[Problem]:
    fields = KINDS[kind].model_fields
    for wrong in error.errors():
        pointer = pointer_to(*wrong["loc"])
        reason = wrong.get("ctx", {}).get("error")
        if isinstance(reason, InvalidInput):
            yield from reason.under(pointer).problems
        elif reason is not None:
            yield Problem(pointer, str(reason))
        elif wrong["type"] == "missing":
            yield Problem(pointer, f"a parameter of type {kind} needs {wrong['loc'][-1]}")
        elif wrong["type"] == "extra_forbidden":
            name = str(wrong["loc"][-1])
            yield Problem(pointer, unknown(f"field of a parameter of type {kind}", name, fields))
        elif wrong["type"] in EXPECTED:
            must = f"must be {EXPECTED[wrong['type']]}, not {shown(wrong['input'])}"
            yield Problem(pointer, must)
        else:
            yield Problem(pointer, f"{wrong['msg']}, not {shown(wrong['input'])}")
