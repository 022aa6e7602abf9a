"""`kerasearch pause`, `stop`, `extend` and what else changes a job."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kerasearch.service.client import Client
    from kerasearch.service.jobs import Job

control_app = typer.Typer(no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


OPTIONS = {
    "/budget/trials": "--trials",
    "/budget/time_s": "--time",
    "/budget/target": "--target",
    "/budget/plateau/trials": "--plateau",
    "/budget/epochs_total": "--epochs-total",
    "/budget/failures": "--failures",
    "/budget/trial_time_s": "--trial-time",
    "/resources/parallel": "--parallel",
}
"""Where the server finds what `extend` was told."""


@control_app.command()
def pause(job: JobId, as_json: Json = False) -> None:
    """Begin no trial of a job any more; those that run finish."""
    _control(lambda client: client.pause(job), as_json)


@control_app.command()
def resume(job: JobId, as_json: Json = False) -> None:
    """Go on with a paused job."""
    _control(lambda client: client.resume(job), as_json)


@control_app.command()
def stop(job: JobId, as_json: Json = False) -> None:
    """Complete a job once its running trials have finished."""
    _control(lambda client: client.stop(job), as_json)


@control_app.command()
def cancel(job: JobId, as_json: Json = False) -> None:
    """End a job and its running trials now."""
    _control(lambda client: client.cancel(job), as_json)


@control_app.command()
def retry(job: JobId, as_json: Json = False) -> None:
    """Run the failed trials of a job again."""
    from kerasearch.service.command.terminal import say
    from kerasearch.service.trials import TrialState

    def take_step(client: "Client") -> "Job":
        failed = client.job(job).trials.get(TrialState.FAILED, 0)
        retried = client.retry(job)
        say(f"{failed} failed trials are run again" if failed else "none of its trials has failed")
        return retried

    _control(take_step, as_json)


@control_app.command()
def extend(
    job: JobId,
    trials: Annotated[int | None, typer.Option(help="Of the job, in all.")] = None,
    time_s: Annotated[float | None, typer.Option("--time", help="Seconds, in all.")] = None,
    target: Annotated[float | None, typer.Option(help="Value that is good enough.")] = None,
    plateau: Annotated[
        int | None, typer.Option(help="Trials, one after the other, that don't better the best.")
    ] = None,
    epochs_total: Annotated[int | None, typer.Option(help="Over all trials.")] = None,
    failures: Annotated[int | None, typer.Option(help="In a row, that fail the job.")] = None,
    trial_time_s: Annotated[
        float | None, typer.Option("--trial-time", help="Seconds of one trial.")
    ] = None,
    parallel: Annotated[int | None, typer.Option(help="Trials at once.")] = None,
    as_json: Json = False,
) -> None:
    """Extend or shrink a job's budget; one that has ended goes on."""
    from kerasearch.service.command.terminal import pointing_at, refuse

    limits = {
        "trials": trials,
        "time_s": time_s,
        "target": target,
        "epochs_total": epochs_total,
        "failures": failures,
        "trial_time_s": trial_time_s,
    }
    budget: dict[str, object] = {name: value for name, value in limits.items() if value is not None}
    resources = {} if parallel is None else {"parallel": parallel}
    if not (budget or resources or plateau is not None):
        refuse("say what is to change: --trials, for one")

    def take_step(client: "Client") -> "Job":
        if plateau is not None:
            before = client.job(job).request.budget.plateau
            budget["plateau"] = {**(before.model_dump() if before else {}), "trials": plateau}
        with pointing_at(OPTIONS):
            return client.change(job, {"budget": budget, "resources": resources})

    _control(take_step, as_json)


@control_app.command()
def enqueue(
    job: JobId,
    params: Annotated[Path, typer.Argument(help="A file of params, as YAML, JSON or TOML.")],
    as_json: Json = False,
) -> None:
    """Have params of your own tried next; the trial's number alone is printed on stdout."""
    from kerasearch.service.command.job_files import read_job_file
    from kerasearch.service.command.terminal import pointing_into, readable, server, show_json

    with readable():
        given = read_job_file(params)
    with server() as client, pointing_into(params, "/params"):
        trial = client.enqueue(job, given)
    if as_json:
        show_json(trial)
    else:
        typer.echo(trial.number)


@control_app.command()
def delete(job: JobId) -> None:
    """Delete an ended job with its trials, files and MLflow runs."""
    from kerasearch.service.command.terminal import say, server

    with server() as client:
        client.delete(job)
    say(f"{job} deleted")


def _control(take_step: "Callable[[Client], Job]", as_json: bool) -> None:
    from kerasearch.service.command.terminal import say, server, show_json

    with server() as client:
        job = take_step(client)
    say(f"{job.id} {job.state}")
    if as_json:
        show_json(job)
