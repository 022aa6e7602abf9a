"""The report of a retraining: what each repeat came to, and what that says of the next one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from kerasearch.service.files import write_csv, write_json
from kerasearch.service.store.trials import RepeatRow
from kerasearch.service.trials import Params

PARTS = ("train", "validation", "test")
CONFIDENCE = 0.95


def summary_of(values: Sequence[float]) -> dict[str, object]:
    """Mean, and of two values or more their deviation and Student's interval for the mean."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "std": None, "interval_95": None}
    std = float(np.std(values, ddof=1))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * std / len(values) ** 0.5
    return {"mean": mean, "std": std, "interval_95": [mean - reach, mean + reach]}


def report_of(params: Params, repeats: Sequence[RepeatRow]) -> dict[str, object]:
    """The report over the repeats that completed, at least one."""
    classes = repeats[0].result["classes"]
    errors = np.array([repeat.result["class_errors"] for repeat in repeats])
    return {
        "params": params,
        "classes": classes,
        "repeats": [
            {
                "number": repeat.number,
                "seed": repeat.seed,
                "best_epoch": repeat.best_epoch,
                **{part: _metrics_of(repeat.metrics, part) for part in PARTS},
                "confusion_matrix": repeat.result["confusion"],
                "class_errors": repeat.result["class_errors"],
                "model_sha256": repeat.model_sha256,
            }
            for repeat in repeats
        ],
        "summary": {
            name: summary_of([repeat.metrics[name] for repeat in repeats])
            for name in repeats[0].metrics
        },
        "class_errors": {
            name: summary_of(errors[:, index].tolist()) for index, name in enumerate(classes)
        },
    }


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """`report.json` and `class_error.csv`: a row a repeat, a column a class, the mean last."""
    rows: list[list[object]] = [["repeat", *report["classes"], "mean"]]
    errors = np.array([repeat["class_errors"] for repeat in report["repeats"]])
    for repeat, row in zip(report["repeats"], errors, strict=True):
        rows.append([repeat["number"], *row.tolist(), float(row.mean())])
    over_repeats = errors.mean(axis=0)
    rows.append(["mean", *over_repeats.tolist(), float(over_repeats.mean())])
    write_csv(folder / "class_error.csv", rows)
    write_json(folder / "report.json", report)


def _metrics_of(metrics: dict[str, float], part: str) -> dict[str, float]:
    prefix = f"{part}_"
    return {k.removeprefix(prefix): v for k, v in metrics.items() if k.startswith(prefix)}
