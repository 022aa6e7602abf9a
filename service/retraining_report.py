"""The report of a retraining: what each repeat came to, and what that says of the next one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from kerasearch.models.tasks import RATES
from kerasearch.service.files import write_csv, write_json
from kerasearch.service.store.trials import RepeatRow
from kerasearch.service.trials import Params

PARTS = ("train", "validation", "test")
CONFIDENCE = 0.95


def summary_of(values: Sequence[float], *, rates: bool = False) -> dict[str, object]:
    """Mean, and of two values or more their deviation and Student's interval for the mean.

    Of rates the interval is cut at 0 and 1: Student's doesn't know that none lies beyond.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "std": None, "interval_95": None}
    std = float(np.std(values, ddof=1))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * std / len(values) ** 0.5
    low, high = mean - reach, mean + reach
    interval = [max(low, 0.0), min(high, 1.0)] if rates else [low, high]
    return {"mean": mean, "std": std, "interval_95": interval}


def report_of(params: Params, repeats: Sequence[RepeatRow]) -> dict[str, object]:
    """The report over the repeats that completed, at least one; without classes what is of them."""
    report: dict[str, object] = {
        "params": params,
        "task": repeats[0].result.get("task", "classification"),
        "repeats": [
            {
                "number": repeat.number,
                "seed": repeat.seed,
                "best_epoch": repeat.best_epoch,
                **{part: _metrics_of(repeat.metrics, part) for part in PARTS},
                **_confusion_of(repeat),
                "model_sha256": repeat.model_sha256,
            }
            for repeat in repeats
        ],
        "summary": {
            name: summary_of([r.metrics[name] for r in repeats], rates=_is_rate(name))
            for name in repeats[0].metrics
            if all(name in repeat.metrics for repeat in repeats)
        },
    }
    if (classes := repeats[0].result.get("classes")) is None:
        return report
    errors = np.array([repeat.result["class_errors"] for repeat in repeats])
    of_classes = {
        name: summary_of(errors[:, index].tolist(), rates=True)
        for index, name in enumerate(classes)
    }
    return report | {"classes": classes, "class_errors": of_classes}


def _confusion_of(repeat: RepeatRow) -> dict[str, object]:
    if "classes" not in repeat.result:
        return {}
    return {
        "confusion_matrix": repeat.result["confusion"],
        "class_errors": repeat.result["class_errors"],
    }


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """`report.json`, and as CSV a row a repeat, the mean over repeats last.

    Of classes `class_error.csv`: a column a class, the mean last. Else `errors.csv`: a column a
    metric on the test part.
    """
    if "classes" in report:
        errors = np.array([repeat["class_errors"] for repeat in report["repeats"]])
        errors = np.column_stack([errors, errors.mean(axis=1)])
        name, columns = "class_error.csv", [*report["classes"], "mean"]
    else:
        columns = list(report["repeats"][0]["test"])
        errors = np.array([[r["test"][c] for c in columns] for r in report["repeats"]])
        name = "errors.csv"
    rows: list[list[object]] = [["repeat", *columns]]
    for repeat, row in zip(report["repeats"], errors, strict=True):
        rows.append([repeat["number"], *row.tolist()])
    rows.append(["mean", *errors.mean(axis=0).tolist()])
    write_csv(folder / name, rows)
    write_json(folder / "report.json", report)


def _is_rate(name: str) -> bool:
    """Of a metric with its part before it: `test_accuracy`."""
    return name.partition("_")[2] in RATES


def _metrics_of(metrics: dict[str, float], part: str) -> dict[str, float]:
    prefix = f"{part}_"
    return {k.removeprefix(prefix): v for k, v in metrics.items() if k.startswith(prefix)}
