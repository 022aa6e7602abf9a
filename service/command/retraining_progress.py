"""A retraining's progress on the terminal, and what it leaves."""

import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from kerasearch.models.tasks import TASKS
from kerasearch.service.answers import Damaged
from kerasearch.service.client import Client
from kerasearch.service.command.following import patiently
from kerasearch.service.command.tables import in_words
from kerasearch.service.trials import Repeat, Retraining, TrialState

POLL_S = 0.5


def wait_for_retraining(client: Client, retraining_id: str, console: Console) -> Retraining:
    """Show a bar on a terminal, and a line for each ended repeat; the ended retraining."""

    def say(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)

    told: set[int] = set()
    columns = (BarColumn(None), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, expand=True, disable=not console.is_terminal
    ) as bar:
        shown = bar.add_task("", total=None)
        while True:
            retraining = patiently(lambda: client.retraining(retraining_id), say)
            ended = [repeat for repeat in retraining.repeats if repeat.state.ended]
            for repeat in ended:
                if repeat.number not in told:
                    say(_line(repeat))
                    told.add(repeat.number)
            if retraining.state != "running":
                return retraining
            total = len(retraining.repeats)
            bar.update(
                shown,
                total=total * retraining.request.epochs,
                completed=sum(_epochs(repeat, retraining) for repeat in retraining.repeats),
                description=f"{len(ended)} of {total} repeats   {_running(retraining)}",
            )
            time.sleep(POLL_S)


def _epochs(repeat: Repeat, retraining: Retraining) -> int:
    """An ended repeat counts whole, however early it stopped."""
    return retraining.request.epochs if repeat.state.ended else repeat.epochs_done


def _running(retraining: Retraining) -> str:
    epochs = retraining.request.epochs
    return ", ".join(
        f"repeat {repeat.number}: epoch {repeat.epochs_done}/{epochs}"
        for repeat in retraining.repeats
        if repeat.state is TrialState.RUNNING
    )


def _line(repeat: Repeat) -> str:
    if repeat.state is not TrialState.COMPLETE:
        return f"repeat {repeat.number} {repeat.state}: {repeat.reason}"
    headlines = dict.fromkeys(task.headline for task in TASKS.values())
    name = next((name for name in headlines if f"test_{name}" in repeat.metrics), "loss")
    value = in_words(repeat.metrics.get(f"test_{name}"))
    return f"repeat {repeat.number}: test {name} {value}, best epoch {repeat.best_epoch}"


def download_artifacts(client: Client, retraining: Retraining, folder: Path) -> None:
    """Bring what a retraining left to `folder`."""
    for artifact in retraining.artifacts:
        target = folder / artifact
        if not target.resolve().is_relative_to(folder.resolve()):
            raise Damaged(f"the server names a file outside its folder: {artifact!r}")
        client.download_artifact(retraining.id, artifact, target)
