"""`kerasearch import-hyperas`: a script for Hyperas made a plugin and a job."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kerasearch.service.client import Client
    from kerasearch.service.jobs import Job

hyperas_app = typer.Typer()

READ_WITHIN_S = 90.0
"""A service disables a plugin that takes longer (60 s, `KERASEARCH_PLUGIN_LIMIT_S`)."""
UNAVAILABLE = 503


@hyperas_app.command("import-hyperas")
def import_hyperas(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="A .py file or a notebook.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", file_okay=False, help="Plugin folder.")
    ],
    run: Annotated[
        bool, typer.Option("--run", help="Then submit the job; its id alone is printed.")
    ] = False,
) -> None:
    """Turn a Hyperas script into a plugin and a job, without running any of it.

    The job's file is printed on stdout; what to look at is said on stderr and in IMPORT_REPORT.md.
    """
    from kerasearch.models.plugins.recorded import VERSION_DIGITS
    from kerasearch.service.command.job_files import read_job_file
    from kerasearch.service.command.terminal import fail, pointing_into, say, server
    from kerasearch.service.files import sha256_of
    from kerasearch.service.hyperas import CannotImport, import_script

    try:
        imported = import_script(script)
        job_file = imported.write(output)
    except CannotImport as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    say(*imported.sentences())
    serving = f"kerasearch serve --plugins {output}"
    if not run:
        say(f"run it: {serving}, then: kerasearch submit {job_file}")
        typer.echo(job_file)
        return
    say(str(job_file))
    with server() as client, pointing_into(job_file):
        # In this very version: another folder may hold a plugin of the same name.
        version = sha256_of(job_file.with_suffix(".py"))[:VERSION_DIGITS]
        request = read_job_file(job_file)
        request["model"] = f"{request['model']}@{version}"
        job = _submit(client, request, serving)
    typer.echo(job.id)


def _submit(client: "Client", request: dict[str, object], serving: str) -> "Job":
    """Submit the job as soon as the server has read the plugin."""
    from kerasearch.service.answers import ServerError
    from kerasearch.service.command.terminal import say

    until = time.monotonic() + READ_WITHIN_S
    while True:
        try:
            return client.submit(request)
        except ServerError as refused:
            if refused.problem.status != UNAVAILABLE or time.monotonic() > until:
                plugin = str(request["model"]).rpartition(":")[0]
                if not any(m.error for m in client.models() if m.name.startswith(plugin)):
                    say(f"the server must have this folder as its plugins: {serving}")
                raise
        time.sleep(0.5)
