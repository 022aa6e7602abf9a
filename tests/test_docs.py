"""What the docs promise to be complete about."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from kerasearch.service.jobs import JobRequest
from kerasearch.service.sampling.options import OPTIONS
from kerasearch.service.sampling.pruners import PRUNERS

DOCS = Path(__file__).parents[1] / "docs"


def fields_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from fields_of(kind)


SAMPLER_OPTIONS = [model for samplers in OPTIONS.values() for model in samplers.values()]
NAMES = {
    *fields_of(JobRequest),
    *(name for samplers in OPTIONS.values() for name in samplers),
    *PRUNERS,
    *(name for model in (*SAMPLER_OPTIONS, *PRUNERS.values()) for name in model.model_fields),
}
COSTS = {"parameters", "flops", "memory_mib"}
"""Fields of `limits`, whose page is search-spaces.md."""


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_field_of_a_job_is_described(name: str) -> None:
    page = "search-spaces.md" if name in COSTS else "jobs.md"
    told = (DOCS / page).read_text()
    assert any(mark in told for mark in (f"`{name}`", f"{{{name}: ", f", {name}: "))
