"""What our jobs, trials and retrainings are in the terms of MLflow's runs."""

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple

from kerasearch.models.pictures import DRAWINGS, draw_table
from kerasearch.models.quick_pictures import draw_curves
from kerasearch.service.jobs import Job
from kerasearch.service.mlflow_pages import mlflow_name
from kerasearch.service.trials import Trial

JOB = "kerasearch.job"
TRIAL = "kerasearch.trial"
"""Tags of runs, model versions and logged models."""

MODEL = "kerasearch.model_sha256"
"""Tag of model versions and logged models: a trial that goes on from a rung leaves another."""

NO_PARAMS = {"name", "budget", "resources"}
"""Of a job: its experiment's name, and what may change, as MLflow's params never do."""

STATUS = {
    "queued": "SCHEDULED",
    "running": "RUNNING",
    "paused": "RUNNING",
    "stopping": "RUNNING",
    "completed": "FINISHED",
    "complete": "FINISHED",
    "pruned": "FINISHED",
    "infeasible": "FAILED",
    "failed": "FAILED",
    "cancelled": "KILLED",
}
"""MLflow's status of a run, for each state of a job, a trial or a retraining."""


class Metric(NamedTuple):
    """As MLflow has it; the time in milliseconds."""

    key: str
    value: float
    timestamp: int
    step: int

    def as_json(self) -> dict[str, Any]:
        """As MLflow's API takes it, in which numbers that JSON hasn't got are words."""
        named = self._replace(key=mlflow_name(self.key))._asdict()
        if isfinite(self.value):
            return named
        return named | {"value": {inf: "Infinity", -inf: "-Infinity"}.get(self.value, "NaN")}


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def span_of(job: Job, trial: Trial) -> tuple[datetime, datetime | None]:
    """When the trial began, and when it ended if it has."""
    if not trial.attempts:
        begun = job.started_at or job.created_at
        return begun, begun if trial.state.ended else None
    begun, last = trial.attempts[0].started_at, trial.attempts[-1]
    if not trial.state.ended:
        return begun, None
    return begun, last.ended_at or begun + timedelta(seconds=trial.duration_s or 0)


def epochs_of(trial: Trial, begun: datetime, ended: datetime | None, after: int) -> list[Metric]:
    """The epochs from `after` on, spread evenly over the time: nobody wrote down each one's.

    They are in order, so that of two batches the first is right without the second.
    """
    until = ended or datetime.now(begun.tzinfo)
    epochs = [
        Metric(name, value, milliseconds(begun + (until - begun) * (epoch / len(curve))), epoch)
        for name, curve in trial.curves.items()
        for epoch, value in enumerate(curve, start=1)
        if value is not None and epoch > after
    ]
    return sorted(epochs, key=lambda metric: metric.step)


def collect_files(trial: Trial, files: Path, folder: Path, *, is_best: bool) -> None:
    """Copy and draw into `folder` what a trial's run shows: of the best one every table.

    Each of the others' pictures would cost a third of a second of processor time.
    """
    tables = [name for name in DRAWINGS if (files / f"{name}.json").is_file()]
    for name in ("model_summary.txt", "codes.csv", *(f"{table}.json" for table in tables)):
        if (files / name).is_file():
            shutil.copyfile(files / name, folder / name)
    for name in tables:
        table, picture = json.loads((files / f"{name}.json").read_text()), folder / f"{name}.png"
        if is_best or name == "confusion_matrix":
            draw_table(name, table, picture)
    if trial.curves and trial.best_epoch is not None:
        curves = {
            name: [nan if value is None else value for value in curve]
            for name, curve in trial.curves.items()
        }
        draw_curves(curves, trial.best_epoch, folder / "curves.png")


def figures_of(report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """A report's means and standard deviations."""
    for group, prefix in (("summary", ""), ("class_errors", "class_error.")):
        for name, figures in report.get(group, {}).items():
            for statistic in ("mean", "std"):
                if figures[statistic] is not None:
                    yield f"{prefix}{name}.{statistic}", figures[statistic]


def params_of(job: Job) -> dict[str, object]:
    """What a job asked for and may not change; a space's entries and weights of classes as JSON."""
    request = job.request.model_dump(mode="json", exclude_none=True, exclude=NO_PARAMS)
    params = {f"space.{name}": json.dumps(v) for name, v in request.pop("space").items()}
    weights = request["training"].get("class_weight")
    if isinstance(weights, dict):
        request["training"]["class_weight"] = json.dumps(weights)
    return params | _flat(request)


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """`{"data": {"scale": "minmax"}}` as `{"data.scale": "minmax"}`."""
    found: dict[str, object] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
