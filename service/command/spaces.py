"""`kerasearch space`: a search space checked and shown; of a plugin's model a server knows it."""

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
    """Check a search space: its parameters, its size, ten samples. Plugins need a server."""
    from kerasearch.searchspaces import SearchSpace
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
    with sentences_about(file):
        if is_job:
            meant = _space_of_job(str(document["model"]), document["data"], asked)
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


def _space_of_job(model: str, data: object, asked: dict[str, object]) -> "SearchSpace":
    """Raises InvalidInput, whose pointers start at the job."""
    from kerasearch.models import FAMILIES
    from kerasearch.models.datasets import BUILTIN
    from kerasearch.models.plugins.recorded import PREFIX
    from kerasearch.searchspaces.problems import InvalidInput, unknown
    from kerasearch.service.spaces import space_over_default

    if model.startswith(PREFIX):
        return _space_of_plugin(model, asked)
    if model not in FAMILIES:
        raise InvalidInput.at("/model", unknown("model family", model, FAMILIES))
    name = str(data.get("dataset")) if isinstance(data, dict) else ""
    kind = BUILTIN[name].kind if name in BUILTIN else None  # of an upload only the server knows it
    try:
        return space_over_default(FAMILIES[model], asked, kind)
    except InvalidInput as error:
        raise error.under("/space") from None


def _space_of_plugin(model: str, asked: dict[str, object]) -> "SearchSpace":
    """As the server says, which has recorded it: the operator's code isn't run here."""
    from kerasearch.searchspaces import SearchSpace
    from kerasearch.searchspaces.problems import InvalidInput, Problem
    from kerasearch.service.answers import NoServer, ServerError
    from kerasearch.service.command.terminal import fail, server

    with server() as client:
        try:
            return SearchSpace.parse(client.try_space(asked, model).space)
        except NoServer as error:
            fail(str(error), f"{model} is known to a server that has --plugins DIR, and to no file")
        except ServerError as refused:
            if not refused.problem.errors:
                raise
            raise InvalidInput(
                Problem(
                    each.pointer if each.pointer == "/model" else f"/space{each.pointer}",
                    each.detail,
                )
                for each in refused.problem.errors
            ) from None
