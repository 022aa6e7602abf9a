"""JSON Schema of a search space in every form of writing it, for editors.

It tells what a space looks like. What only `SearchSpace.parse` finds, such as a condition on a
parameter that isn't there, passes it.
"""

from functools import cache

from pydantic import TypeAdapter

from kerasearch.searchspaces.hyperas import DISTRIBUTIONS, MAX_LENGTH
from kerasearch.searchspaces.parameters import Parameter
from kerasearch.searchspaces.space import MAX_NAME, MAX_PARAMETERS
from kerasearch.searchspaces.values import MAX_TEXT

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def space_schema() -> dict[str, object]:
    kinds = TypeAdapter(Parameter).json_schema()
    for kind in kinds["$defs"].values():
        kind["required"] = ["type", *kind["required"]]  # which only Python may leave out
    return {
        "$schema": DIALECT,
        "title": "Search space",
        "description": "Parameters by name, over the defaults of a job's model family.",
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": MAX_NAME},
        "maxProperties": MAX_PARAMETERS,
        "additionalProperties": {
            "anyOf": [
                *kinds["anyOf"],
                {
                    "title": "Hyperas",
                    "description": "A distribution as Hyperas writes it: {{choice([64, 128])}}.",
                    "type": "string",
                    "pattern": rf"^\s*\{{\{{\s*({'|'.join(DISTRIBUTIONS)})\s*\([\s\S]*\}}\}}\s*$",
                    "maxLength": MAX_LENGTH,
                },
                {
                    "title": "Fixed",
                    "description": "A value that every trial has.",
                    "type": ["boolean", "number", "string", "null"],
                    "maxLength": MAX_TEXT,
                    "not": {"type": "string", "pattern": r"^\s*\{\{"},
                },
            ]
        },
        "$defs": kinds["$defs"],
    }
