"""The `kerasearch` command.

What costs time to import is imported by the command that needs it, so that `--help` is quick.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kerasearch.service.command.backup import backup_app
from kerasearch.service.command.control import control_app
from kerasearch.service.command.datasets import datasets_app
from kerasearch.service.command.hyperas import hyperas_app
from kerasearch.service.command.init import init_app
from kerasearch.service.command.predict import predict_app
from kerasearch.service.command.spaces import space_app

if TYPE_CHECKING:
    from kerasearch.service.client import Client
    from kerasearch.service.jobs import Job

app = typer.Typer(
    help="Search hyperparameters of Keras models, as a service.",
    epilog="KERASEARCH_URL and KERASEARCH_API_KEY point the command at another server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(datasets_app, name="datasets")
app.add_typer(control_app)  # without a name: its commands stand beside ours
app.add_typer(backup_app)
app.add_typer(space_app)
app.add_typer(hyperas_app)
app.add_typer(init_app)
app.add_typer(predict_app)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
State = Annotated[str | None, typer.Option(help="Only those in this state.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"kerasearch {version('kerasearch')}")
        raise typer.Exit


@app.callback()
def main(
    no_color: Annotated[bool, typer.Option("--no-color", help="As NO_COLOR=1 does.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    if no_color:
        os.environ["NO_COLOR"] = "1"


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port.", show_default="8000")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="What is kept, is here.", show_default="kerasearch-data")
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Trials at once; 0: one a core; auto: measured at the first start.",
            show_default="0",
        ),
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="Where trials run: local.", show_default="local")
    ] = None,
    plugins: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of your own models and data.")
    ] = None,
) -> None:
    """Run the service until Ctrl-C or SIGTERM. What isn't given is read from KERASEARCH_*."""
    from kerasearch.service.command.settings import read_settings
    from kerasearch.service.command.terminal import fail
    from kerasearch.service.errors import CannotServe
    from kerasearch.service.supervisor import serve

    settings = read_settings(
        host=host,
        port=port,
        data_dir=data_dir,
        workers=workers,
        executor=executor,
        plugins_dir=plugins,
    )
    try:
        serve(settings)
    except CannotServe as error:
        fail(str(error))


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="The job, as YAML, JSON or TOML.")],
    watch: Annotated[bool, typer.Option("--watch", help="Then watch it until it ends.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Replace a value: search.seed=3"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a search job; its id alone is printed on stdout."""
    from kerasearch.service.command.job_files import override, read_job_file
    from kerasearch.service.command.terminal import pointing_into, readable, server, show_json

    with readable():
        request = read_job_file(file)
        for assignment in set_ or ():
            request = override(request, assignment)
    with server() as client:
        with pointing_into(file):
            job = client.submit(request)
        if as_json:
            show_json(job)
        else:
            typer.echo(job.id)
        if watch:
            _exit_by(_watch(client, job.id))


@app.command()
def watch(job: JobId, as_json: Json = False) -> None:
    """Watch a job until it ends; exit 1 unless it completes. Ctrl-C leaves it running."""
    from kerasearch.service.command.terminal import server, show_json

    with server() as client:
        ended = _watch(client, job)
    if as_json:
        show_json(ended)
    _exit_by(ended)


@app.command()
def jobs(state: State = None, limit: Limit = 20, as_json: Json = False) -> None:
    """The server's jobs, newest first."""
    from itertools import islice

    from kerasearch.service.command.tables import jobs_table
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        found = list(islice(client.jobs(state), limit))
    show(found, jobs_table(found), as_json)


@app.command("show")
def show_job(job: JobId, as_json: Json = False) -> None:
    """What a job is, and how far it is."""
    from kerasearch.service.command.tables import job_sheet
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        found = client.job(job)
    show(found, job_sheet(found), as_json)


@app.command()
def trials(job: JobId, state: State = None, limit: Limit = 1000, as_json: Json = False) -> None:
    """A job's trials, by number."""
    from itertools import islice

    from kerasearch.service.command.tables import trials_table
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        metric = client.job(job).request.objectives[0].metric
        found = list(islice(client.trials(job, state), limit))
    show(found, trials_table(found, metric), as_json)


@app.command()
def best(job: JobId, as_json: Json = False) -> None:
    """The best trial so far, and its params; of several objectives, the Pareto set."""
    from kerasearch.service.command.tables import best_sheet, pareto_table
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        request = client.job(job).request
        objectives = [objective.metric for objective in request.objectives]
        if len(objectives) > 1:
            found = client.pareto_set(job)
            show(found, pareto_table(found, objectives), as_json)
        else:
            best = client.best(job)
            epoch: int | None = best.best_epoch
            if request.trainings > 1:
                epoch = client.trial(job, best.number).epoch_of_its_training
            show(best, best_sheet(best, epoch), as_json)


@app.command()
def download(
    job: JobId,
    output: Annotated[Path, typer.Option("-o", "--output", dir_okay=False, help="Where to.")],
    trial: Annotated[
        int | None, typer.Option(help="Of several objectives: which of the best.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The best model as a .keras file, checked by its SHA-256; goes on where it broke off."""
    from rich.progress import DownloadColumn, Progress

    from kerasearch.models.model_file import OWN_LAYERS, has_own_layers
    from kerasearch.service.command.terminal import say, server, show_json, stderr

    console = stderr()
    columns = (*Progress.get_default_columns(), DownloadColumn())
    with (
        server() as client,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        shown = bar.add_task("best model", total=None)
        sha256 = client.download_best(
            job, output, lambda done, total: bar.update(shown, completed=done, total=total), trial
        )
    say(f"sha256 {sha256}")
    if has_own_layers(output):
        say(f"note: for Keras to load it, `import {OWN_LAYERS}` first")
    if as_json:
        show_json({"path": str(output), "sha256": sha256})
    else:
        typer.echo(output)


@app.command()
def retrain(
    job: JobId,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", file_okay=False, help="For its files.")
    ],
    trial: Annotated[
        int | None, typer.Option(min=0, help="Whose params.", show_default="the best")
    ] = None,
    params: Annotated[Path | None, typer.Option(help="A file of params of your own.")] = None,
    repeats: Annotated[int, typer.Option(min=1)] = 10,
    epochs: Annotated[int, typer.Option(min=1, help="Of a repeat, at most.")] = 500,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs without a better validation loss.")
    ] = 100,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Train chosen params anew, several times, and judge them on the sealed test part."""
    from kerasearch.service.command.job_files import read_job_file
    from kerasearch.service.command.retraining_folder import begun_in, note_begun, note_whole
    from kerasearch.service.command.retraining_progress import (
        download_artifacts,
        wait_for_retraining,
    )
    from kerasearch.service.command.retraining_tables import retraining_sheet
    from kerasearch.service.command.terminal import (
        fail,
        left_running,
        pointing_into,
        readable,
        refuse,
        say,
        server,
        show_json,
        stderr,
        stdout,
    )

    if trial is not None and params is not None:
        refuse("give --trial or --params, not both")
    request: dict[str, object] = {
        "trial": "best" if trial is None else trial,
        "repeats": repeats,
        "epochs": epochs,
        "patience": patience,
        "seed": seed,
    }
    if params is not None:
        with readable():
            request["params"] = read_job_file(params)
    with server() as client:
        retraining_id = begun_in(output, job, request)
        if retraining_id is None:
            with pointing_into(params, "/params"):
                retraining_id = client.retrain(job, request).id
            note_begun(output, retraining_id, job, request)
        with left_running("it goes on; the same command waits for it again"):
            ended = wait_for_retraining(client, retraining_id, stderr())
            download_artifacts(client, ended, output)
            note_whole(output)
    say(f"{len(ended.artifacts)} files in {output}")
    if as_json:
        show_json(ended)
    elif ended.report is not None:
        stdout().print(retraining_sheet(ended.report))
    if ended.state != "completed":
        fail(f"the retraining {ended.state}: {ended.reason}")


@app.command()
def models(as_json: Json = False) -> None:
    """The model families that the server knows."""
    from kerasearch.service.command.tables import models_table
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        found = list(client.models())
    show(found, models_table(found), as_json)


@app.command()
def doctor(
    host: Annotated[str, typer.Option(help="As for serve.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="As for serve.", min=1, max=65535)] = 8000,
    data_dir: Annotated[
        Path, typer.Option(help="As for serve.", envvar="KERASEARCH_DATA_DIR")
    ] = Path("kerasearch-data"),
    plugins: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="As for serve.", envvar="KERASEARCH_PLUGINS_DIR"),
    ] = None,
    data: Annotated[
        bool, typer.Option("--data", help="Look at the data folder, file by file, in their place.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="As --data, and mend what can be; nobody may serve it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What is installed, which devices and ports, what is wrong and how to mend it."""
    from kerasearch.service.command.doctor import examine, line_of
    from kerasearch.service.command.terminal import fail, show_json, stdout
    from kerasearch.service.errors import KerasearchError

    console = stdout()
    checks = []
    looks = examine(data_dir, host, port, plugins)
    if data or repair:
        from kerasearch.service.command.data_check import examine_data
        from kerasearch.service.command.settings import read_settings

        looks = examine_data(read_settings(data_dir=data_dir), repair=repair)
    try:
        for check in looks:
            checks.append(check)
            if not as_json:
                console.print(line_of(check))
    except KerasearchError as error:
        fail(str(error))
    if as_json:
        show_json([check._asdict() for check in checks])
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)


def _watch(client: "Client", job_id: str) -> "Job":
    from kerasearch.service.command.terminal import left_running, stderr
    from kerasearch.service.command.watching import watch

    with left_running(
        f"the job goes on; watch it again: kerasearch watch {job_id}, "
        f"or end it: kerasearch cancel {job_id}"
    ):
        return watch(client, job_id, stderr())


def _exit_by(job: "Job") -> None:
    from kerasearch.service.command.terminal import fail

    if job.state == "cancelled":
        fail("the job was cancelled")
    if job.state != "completed":
        fail(f"the job {job.state}: {job.reason}")
