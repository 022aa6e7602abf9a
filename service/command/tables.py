"""What the service holds, as people read it on a terminal."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.client import DatasetEntry, ModelEntry
from kerasearch.service.jobs import Job, JobState, WarmStart
from kerasearch.service.trials import BestTrial, Params, Trial, TrialState

STYLES = {
    "queued": "dim",
    "running": "cyan",
    "paused": "yellow",
    "stopping": "yellow",
    "completed": "green",
    "complete": "green",
    "infeasible": "yellow",
    "failed": "red",
    "cancelled": "magenta",
}

_LISTED = 20  # columns of a type


def in_words(value: object) -> str:
    """A value in four significant digits; `-` where there is none."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def params_in_words(params: Params) -> str:
    return " ".join(f"{name}={in_words(value)}" for name, value in params.items())


def time_in_words(seconds: float) -> str:
    """`0:09`, `12:30`, `3:05:00`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def state_text(state: JobState | TrialState) -> Text:
    return Text(state, style=STYLES.get(state, ""))


def jobs_table(jobs: Iterable[Job]) -> Table:
    table = _table("job", "name", "model", "dataset", "state", ">trials", ">best", ">age")
    for job in jobs:
        table.add_row(
            job.id,
            job.name,
            job.request.model,
            job.request.data.dataset,
            state_text(job.state),
            f"{job.progress.done}/{job.progress.total}",
            in_words(job.best.value if job.best else None),
            time_in_words((datetime.now(UTC) - job.created_at).total_seconds()),
        )
    return table


def job_sheet(job: Job) -> RenderableType:
    request, search, progress = job.request, job.request.search, job.progress
    pace = f"{progress.done} of {progress.total} in {time_in_words(progress.elapsed_s)}"
    if progress.eta_s is not None and not job.state.ended:
        pace += f", about {time_in_words(progress.eta_s)} left"
    counts = ", ".join(f"{count} {state}" for state, count in job.trials.items() if count)
    best = job.best
    read_at = job.test_read_at
    return _sheet(
        {
            "job": job.id,
            "name": job.name,
            "state": state_text(job.state),
            "reason": job.reason,
            "model": request.model,
            "dataset": request.data.dataset,
            "search": f"{search.engine} {search.sampler}, seed {search.seed}",
            "sampler": f"{job.sampler.name}: {job.sampler.why}",
            "pruner": f"{job.pruner.name}: {job.pruner.why}",
            "knows": _warm_start_in_words(job.warm_start),
            "objective": ", ".join(f"{o.direction} {o.metric}" for o in request.objectives),
            "trials": f"{pace} ({counts})" if counts else pace,
            "best": f"{in_words(best.value)} in trial {best.number}" if best else None,
            "params": params_in_words(best.params) if best else None,
            "best of all": f"trials {', '.join(map(str, job.pareto))}" if job.pareto else None,
            "mlflow": job.mlflow_url,
            "test part": f"first read at {read_at:%Y-%m-%d %H:%M}" if read_at else None,
        }
    )


def _warm_start_in_words(known: WarmStart | None) -> str | None:
    if known is None:
        return None
    left = "; ".join(f"{count} {why}" for why, count in known.left.items())
    return f"{known.taken} trials of earlier jobs" + (f" (left out: {left})" if left else "")


def trials_table(trials: Iterable[Trial], metric: str) -> Table:
    table = _table(">trial", "state", f">{metric}", ">epoch", ">seconds", "params")
    for trial in trials:
        params = params_in_words(trial.params)
        table.add_row(
            str(trial.number),
            state_text(trial.state),
            in_words(trial.value),
            in_words(trial.epoch_of_its_training),
            "-" if trial.duration_s is None else f"{trial.duration_s:.1f}",
            f"{params}  ({trial.reason})" if trial.reason else params,
        )
    return table


def pareto_table(best: Iterable[BestTrial], objectives: Iterable[str]) -> Table:
    """The best trials of several objectives."""
    names = [*objectives]
    table = _table(">trial", *(f">{name}" for name in names), "params")
    for trial in best:
        values = (in_words(trial.metrics[name]) for name in names)
        table.add_row(str(trial.number), *values, params_in_words(trial.params))
    return table


def best_sheet(best: BestTrial, epoch: int | None) -> RenderableType:
    """The best trial; its best epoch is one of a training."""
    return _sheet(
        {
            "trial": str(best.number),
            "value": str(best.value),
            "epoch": in_words(epoch),
            **{name: str(value) for name, value in best.params.items()},
            **{name: in_words(value) for name, value in best.metrics.items()},
            "run": best.run_id,
            "model": best.model_sha256 and f"sha256 {best.model_sha256}",
        }
    )


def datasets_table(datasets: Iterable[DatasetEntry]) -> Table:
    table = _table("name", "kind", ">rows", ">classes", "id")
    for dataset in datasets:
        classes = "-" if dataset.classes is None else str(len(dataset.classes))
        table.add_row(dataset.name, dataset.kind, str(dataset.rows), classes, dataset.id[:12])
    return table


def dataset_sheet(dataset: DatasetEntry) -> RenderableType:
    return _sheet(
        {
            "name": dataset.name,
            "id": dataset.id,
            "kind": dataset.kind,
            "rows": str(dataset.rows),
            "shapes": ", ".join(f"{name} {shape}" for name, shape in dataset.shapes.items()),
            "what": dataset.description,
            "target": dataset.target,
            "drop": ", ".join(dataset.drop),
            "columns": "\n".join(_types_in_words(dataset.types or {})),
            "classes": ", ".join(dataset.classes or ()),
            "warnings": "\n".join(dataset.warnings),
        }
    )


def _types_in_words(types: Mapping[str, str]) -> Iterator[str]:
    for kind in sorted(set(types.values())):
        names = [name for name, each in types.items() if each == kind]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        yield f"{kind}: {', '.join(names[:_LISTED])}{more}"


def models_table(models: Iterable[ModelEntry]) -> Table:
    table = _table("model", "tasks", "data", "description")
    for model in models:
        what = f"disabled: {model.error}" if model.error else model.description
        table.add_row(model.name, ", ".join(model.tasks), ", ".join(model.data_kinds), what)
    return table


def space_sheet(
    space: SearchSpace, constraints: Collection[str], samples: Iterable[Params]
) -> Group:
    parameters = _table("parameter", "distribution", "when", "sets")
    for row in space.table():
        parameters.add_row(*row)
    names = tuple(space.parameters)
    drawn = _table(*names)
    for sample in samples:
        drawn.add_row(*(in_words(sample[name]) if name in sample else "" for name in names))
    size = space.size()
    count = (
        f"infinitely many configurations in {space.branches():,} discrete branches"
        if size is None
        else f"{size:,} configurations"
    )
    if constraints:
        count += f", of which those are tried that keep {' and '.join(constraints)}"
    return Group(parameters, "", f"{count}, such as", "", drawn)


def _table(*columns: str) -> Table:
    """No rules between cells, so that awk and cut read it too; `>` right-aligns a column."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            overflow="fold",
        )
    return table


def _sheet(facts: Mapping[str, str | Text | None]) -> Table:
    """Names and values, those without a value left out."""
    sheet = Table.grid(padding=(0, 2))
    sheet.add_column(style="dim", no_wrap=True)
    sheet.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            sheet.add_row(name, value)
    return sheet
