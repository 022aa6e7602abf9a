"""How a command speaks: data on stdout, talk on stderr, whatever goes wrong as a sentence."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.answers import ClientError, ServerError
from kerasearch.service.client import Client
from kerasearch.service.command.job_files import JobFileError, path_in_file

DEFAULT_URL = "http://127.0.0.1:8000"
INTERRUPTED = 128 + signal.SIGINT


def stdout() -> Console:
    # Cut to 80 columns, a table in a file or a pipe would lose data.
    return Console(width=None if sys.stdout.isatty() else 10_000, markup=False, highlight=False)


def stderr() -> Console:
    return Console(stderr=True, markup=False, highlight=False)


def say(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)


def fail(*lines: str) -> NoReturn:
    """The server or the job said no."""
    say(*lines)
    raise typer.Exit(1)


def refuse(*lines: str) -> NoReturn:
    """What was asked can't be meant."""
    say(*lines)
    raise typer.Exit(2)


def show(found: BaseModel | Sequence[BaseModel], looks: RenderableType, as_json: bool) -> None:
    """Print data for a person, or as it came."""
    if as_json:
        show_json(found)
    else:
        stdout().print(looks)


def show_json(value: object) -> None:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif isinstance(value, Sequence):
        value = [x.model_dump(mode="json") if isinstance(x, BaseModel) else x for x in value]
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def server() -> Iterator[Client]:
    """The server of KERASEARCH_URL; its refusals and a broken connection end the command."""
    url = os.environ.get("KERASEARCH_URL") or DEFAULT_URL
    try:
        client = Client(url, os.environ.get("KERASEARCH_API_KEY"))
    except ValueError as error:
        refuse(f"KERASEARCH_URL: {error}")
    try:
        with client:
            yield client
    except ServerError as refused:
        errors = [f"{each.pointer or '/'}: {each.detail}" for each in refused.problem.errors]
        fail(*errors or [str(refused)])
    except ClientError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


@contextmanager
def pointing_into(file: Path | None, prefix: str = "") -> Iterator[None]:
    """Show what the server refuses as places in `file`, which it was sent at pointer `prefix`."""
    try:
        yield
    except ServerError as refused:
        if file is None or not refused.problem.errors:
            raise
        wrong = refused.problem.errors
        fail(*(_place(file, each.pointer.removeprefix(prefix), each.detail) for each in wrong))


@contextmanager
def pointing_at(options: Mapping[str, str]) -> Iterator[None]:
    """Show what the server refuses as options of the command, by their pointers."""
    try:
        yield
    except ServerError as refused:
        if not (wrong := refused.problem.errors):
            raise
        fail(*(f"{options.get(each.pointer, each.pointer)}: {each.detail}" for each in wrong))


@contextmanager
def sentences_about(file: Path | None, prefix: str = "") -> Iterator[None]:
    """Show what is wrong with input as places in `file`, whose part at `prefix` it is."""
    try:
        yield
    except InvalidInput as error:
        fail(*(_place(file, each.pointer, each.detail) for each in error.under(prefix).problems))


@contextmanager
def readable() -> Iterator[None]:
    """A file or an assignment that can't be read is bad usage."""
    try:
        yield
    except JobFileError as error:
        refuse(str(error))


@contextmanager
def left_running(sentence: str) -> Iterator[None]:
    """Ctrl-C ends the command, not what it shows: `sentence` says so."""
    try:
        yield
    except KeyboardInterrupt:
        say(sentence)
        raise typer.Exit(INTERRUPTED) from None


def _place(file: Path | None, pointer: str, detail: str) -> str:
    """`job.yaml: space.units.low: must be ...`."""
    return ": ".join(filter(None, (str(file or ""), path_in_file(pointer), detail)))
