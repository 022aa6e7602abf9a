"""A job's progress on the terminal: a board that redraws itself, or a line a trial elsewhere."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kerasearch.service.client import Client
from kerasearch.service.command.following import Change, EpochReport, follow
from kerasearch.service.command.tables import in_words, params_in_words, state_text, time_in_words
from kerasearch.service.jobs import Job
from kerasearch.service.trials import Params, Trial, TrialState

RECENT = 3


def watch(client: Client, job_id: str, console: Console) -> Job:
    """Show the job on `console` until it ends; `follow` says what may be raised."""
    board = Board()

    def say(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)

    if console.is_terminal:
        with Live(board, console=console, refresh_per_second=4):
            for change in follow(client, job_id, say):
                board.see(change)
    else:
        for change in follow(client, job_id, say):
            board.see(change)
            if isinstance(change, Trial) and change.state.ended:
                say(_line(change))
    assert board.job is not None  # noqa: S101 - follow ends with the job
    return board.job


class Board:
    """What is known of a job, drawn anew whenever rich asks."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self._trials: dict[int, Trial] = {}  # that was told of last comes last
        self._reached: dict[int, EpochReport] = {}
        self._told_at = 0.0

    def see(self, change: Change) -> None:
        if isinstance(change, Job):
            self.job = change
            self._told_at = time.monotonic()
        elif isinstance(change, Trial):
            self._trials.pop(change.number, None)
            self._trials[change.number] = change
        else:
            self._reached[change.trial] = change

    def __rich__(self) -> Padding | Text:
        if self.job is None:
            return Text("asking the server", style="dim")
        board = Group(self._heading(self.job), self._bar(self.job), self._table(self.job))
        return Padding(board, (0, 3, 0, 0))  # room for the ^C that a terminal echoes

    def _heading(self, job: Job) -> Text:
        return Text.assemble(
            (job.name, "bold"), "  ", (job.id, "dim"), "  ", state_text(job.state), no_wrap=True
        )

    def _bar(self, job: Job) -> Table:
        progress, since = job.progress, time.monotonic() - self._told_at
        elapsed = progress.elapsed_s + (0 if job.state.ended else since)
        words = f"{progress.done} of {progress.total} trials   {time_in_words(elapsed)}"
        if progress.eta_s is not None and not job.state.ended:
            words += f"   about {time_in_words(max(0, progress.eta_s - since))} left"
        row = Table.grid(padding=(0, 2), expand=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_row(ProgressBar(total=progress.total, completed=progress.done), words)
        return row

    def _table(self, job: Job) -> Table:
        metric = job.request.objectives[0].metric
        epochs = job.request.budget.epochs * job.request.trainings
        table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
        table.add_column("", width=7)
        table.add_column("trial", justify="right")
        table.add_column("epoch", justify="right", no_wrap=True)
        table.add_column(metric, justify="right", no_wrap=True)
        table.add_column("params", ratio=1, no_wrap=True, overflow="ellipsis")
        if job.best is not None:
            best = job.best
            known = self._trials.get(best.number)
            epoch = known.epoch_of_its_training if known else best.best_epoch
            words = (str(best.number), in_words(epoch), in_words(best.value))
            table.add_row("best", *words, _varied(best.params, job), style="bold")
        trials = list(self._trials.values())
        for trial in sorted(trials, key=lambda trial: trial.number):
            if trial.state is TrialState.RUNNING and not job.state.ended:
                epoch, value = self._now(trial, metric)
                reached = f"{epoch}/{epochs}" if epoch else ""
                words = (str(trial.number), reached, in_words(value))
                table.add_row("running", *words, _varied(trial.params, job))
        for trial in [trial for trial in trials if trial.state.ended][-RECENT:]:
            table.add_row(
                "ended",
                str(trial.number),
                str(trial.epoch_of_its_training or ""),
                trial.state if trial.value is None else in_words(trial.value),
                trial.reason or _varied(trial.params, job),
                style="dim" if trial.state is TrialState.COMPLETE else "yellow",
            )
        return table

    def _now(self, trial: Trial, metric: str) -> tuple[int, float | None]:
        """Epoch and value that a running trial has reached, by report or as it was last read."""
        report = self._reached.get(trial.number)
        if report is not None and report.epoch >= len(trial.values):
            return report.epoch, report.metrics.get(metric)
        return len(trial.values), trial.values[-1] if trial.values else None


def _line(trial: Trial) -> str:
    came = in_words(trial.value)
    if trial.reason:
        came = trial.reason if trial.value is None else f"{came}, {trial.reason}"
    return f"trial {trial.number} {trial.state}: {came}  {params_in_words(trial.params)}"


def _varied(params: Params, job: Job) -> str:
    """The params that the search chooses; those that the job fixes would take their room."""
    fixed = {
        name
        for name, parameter in job.request.space.items()
        if isinstance(parameter, dict) and len(parameter.get("values", ())) == 1
    }
    return params_in_words({name: params[name] for name in params if name not in fixed})
