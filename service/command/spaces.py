"""`kerasearch space`: a search space checked and shown, without a server."""

from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kerasearch.searchspaces import SearchSpace

space_app = typer.Typer()

SAMPLES = 10


@space_app.command()
def space(
    file: Annotated[Path, typer.Argument(help="A space, or a job, whose model gives the rest.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a search space: its parameters, its size, ten samples. Needs no server."""
    from kerasearch.searchspaces import SearchSpace, default_space, space_for
    from kerasearch.searchspaces.constraints import DRAWS, Constraints
    from kerasearch.service.command.job_files import read_job_file
    from kerasearch.service.command.tables import space_sheet
    from kerasearch.service.command.terminal import (
        readable,
        refuse,
        sentences_about,
        show_json,
        stdout,
    )

    with readable():
        document = read_job_file(file)
    is_job = "model" in document and "data" in document
    asked = document.get("space", {}) if is_job else document
    texts = document.get("constraints", []) if is_job else []
    if not isinstance(asked, dict):
        refuse(f"{file}: space: must map names to parameters")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        refuse(f"{file}: constraints: must be a list of texts")
    if is_job:
        family = str(document["model"])
        with sentences_about(file, "/model"):
            default_space(family)
    with sentences_about(file, "/space" if is_job else ""):
        if is_job:
            meant = space_for(family, asked, _default(family, document["data"], asked))
        else:
            meant = SearchSpace.parse(asked)
    with sentences_about(file, "/constraints"):
        constraints = Constraints.parse(texts, meant)
    rng = Random(0)  # noqa: S311 - the same samples each time
    drawn = (meant.sample(rng) for _ in range(DRAWS))
    samples = [*islice((params for params in drawn if not constraints.violated(params)), SAMPLES)]
    if as_json:
        size = {"size": meant.size(), "branches": meant.branches()}
        show_json({"space": meant.canonical(), **size, "samples": samples})
    else:
        stdout().print(space_sheet(meant, texts, samples))


def _default(family: str, data: object, asked: dict[str, object]) -> "SearchSpace":
    """The family's default space for the job's kind of data.

    Of an upload only the server knows it: it is taken for the kind of which most is asked.
    """
    from kerasearch.models import FAMILIES
    from kerasearch.models.datasets import BUILTIN

    name = data.get("dataset") if isinstance(data, dict) else None
    built_in = [BUILTIN[name].kind] if name in BUILTIN else None
    spaces = map(FAMILIES[family].space_of, built_in or FAMILIES[family].data_kinds)
    return max(spaces, key=lambda space: len(asked.keys() & space.parameters.keys()))
