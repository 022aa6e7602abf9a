"""The report says what each repeat came to and how sure that makes us."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from kerasearch.service.retraining_report import report_of, summary_of, write_report
from kerasearch.service.store.trials import RepeatRow
from kerasearch.service.trials import TrialState


def _repeat(number: int, errors: list[float]) -> RepeatRow:
    return RepeatRow(
        id=number,
        number=number,
        state=TrialState.COMPLETE,
        seed=40 + number,
        best_epoch=3,
        metrics={"train_accuracy": 1.0, "validation_accuracy": 0.9, "test_accuracy": 0.8},
        result={"classes": ["a", "b"], "confusion": [[3, 1], [0, 4]], "class_errors": errors},
        reason=None,
        model_sha256="f" * 64,
    )


def test_mean_deviation_and_interval_are_those_of_a_small_sample() -> None:
    values = [0.80, 0.84, 0.82, 0.90]
    low, high = stats.t.interval(0.95, 3, loc=0.84, scale=stats.sem(values))
    summary = summary_of(values)
    assert summary["mean"] == pytest.approx(0.84)
    assert summary["std"] == pytest.approx(stats.tstd(values))
    assert summary["interval_95"] == pytest.approx([low, high])


def test_one_repeat_says_nothing_of_the_spread() -> None:
    assert summary_of([0.8]) == {"mean": 0.8, "std": None, "interval_95": None}


def test_equal_repeats_have_no_spread() -> None:
    assert summary_of([0.5, 0.5]) == {"mean": 0.5, "std": 0.0, "interval_95": [0.5, 0.5]}


def test_the_interval_of_rates_stays_within_0_and_1() -> None:
    assert summary_of([0.9, 1.0], rates=True)["interval_95"][1] == 1.0
    assert summary_of([0.9, 1.0])["interval_95"][1] > 1.0
    one = _repeat(0, [0.0, 0.5])
    metrics = {"test_accuracy": 1.0, "test_loss": 0.5}
    report = report_of({}, [one, replace(_repeat(1, [0.1, 0.5]), metrics=metrics)])
    assert report["class_errors"]["a"]["interval_95"][0] == 0.0
    assert report["summary"]["test_accuracy"]["interval_95"][1] == 1.0
    losses = [replace(one, metrics={"test_loss": loss}) for loss in (0.0, 1.0)]
    assert report_of({}, losses)["summary"]["test_loss"]["interval_95"][0] < 0


def test_the_report_holds_each_repeat_and_what_they_say_together() -> None:
    report = report_of({"layers": 1}, [_repeat(0, [0.25, 0.0]), _repeat(2, [0.75, 0.5])])
    assert report["params"] == {"layers": 1}
    first, second = report["repeats"]
    assert (first["number"], first["seed"], first["best_epoch"]) == (0, 40, 3)
    assert first["train"] == {"accuracy": 1.0}
    assert first["validation"] == {"accuracy": 0.9}
    assert first["test"] == {"accuracy": 0.8}
    assert first["confusion_matrix"] == [[3, 1], [0, 4]]
    assert second["class_errors"] == [0.75, 0.5]
    assert report["class_errors"]["a"]["mean"] == 0.5
    assert report["class_errors"]["b"]["mean"] == 0.25
    assert report["summary"]["test_accuracy"]["mean"] == 0.8


def test_the_files_are_a_json_report_and_a_table_with_the_mean_last(tmp_path: Path) -> None:
    report = report_of({"layers": 1}, [_repeat(0, [0.25, 0.0]), _repeat(2, [0.75, 0.5])])
    write_report(tmp_path / "retraining", report)
    assert json.loads((tmp_path / "retraining" / "report.json").read_text()) == report
    with (tmp_path / "retraining" / "class_error.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["repeat", "a", "b", "mean"],
            ["0", "0.25", "0.0", "0.125"],
            ["2", "0.75", "0.5", "0.625"],
            ["mean", "0.5", "0.25", "0.375"],
        ]


def test_of_numbers_the_report_has_errors_and_no_classes(tmp_path: Path) -> None:
    repeats = [
        replace(
            _repeat(number, []),
            metrics={
                "train_rmse": 1.0,
                "validation_rmse": 2.0,
                "test_rmse": 3.0 + number,
                "test_r2": 0.5,
            },
            result={"task": "regression"},
        )
        for number in (0, 1)
    ]
    report = report_of({"layers": 1}, repeats)
    assert report["task"] == "regression"
    assert not {"classes", "class_errors"} & set(report)
    assert not {"confusion_matrix", "class_errors"} & set(report["repeats"][0])
    assert report["repeats"][1]["test"] == {"rmse": 4.0, "r2": 0.5}
    assert report["summary"]["test_rmse"]["mean"] == 3.5
    write_report(tmp_path / "retraining", report)
    assert not (tmp_path / "retraining" / "class_error.csv").exists()
    with (tmp_path / "retraining" / "errors.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["repeat", "rmse", "r2"],
            ["0", "3.0", "0.5"],
            ["1", "4.0", "0.5"],
            ["mean", "3.5", "0.5"],
        ]
