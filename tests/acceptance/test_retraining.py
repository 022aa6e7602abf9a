"""The honest number: fresh trainings, judged once on the sealed test part."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kerasearch.models.datasets import load_builtin, split_rows
from kerasearch.service.client import Client
from kerasearch.service.jobs import Job
from kerasearch.service.trials import Retraining

REPEATS = 3


@pytest.fixture(scope="module")
def retrained(
    client: Client, wait_for_end: Callable[..., Job], wait_until: Callable[..., Any]
) -> tuple[Job, Retraining]:
    request = {
        "name": "honest",
        "model": "mlp",
        "data": {"dataset": "digits"},
        "budget": {"trials": 2, "epochs": 2},
    }
    job = wait_for_end(client, client.submit(request).id)
    assert job.test_read_at is None, "a search may not read the test part"
    asked = {"repeats": REPEATS, "epochs": 4, "patience": 2, "seed": 40}
    retraining_id = client.retrain(job.id, asked).id

    def completed() -> Retraining | None:
        now = client.retraining(retraining_id)
        return None if now.state == "running" else now

    retraining: Retraining = wait_until(completed)
    return client.job(job.id), retraining


def fetched(client: Client, retraining: Retraining, name: str, folder: Path) -> Path:
    client.download_artifact(retraining.id, name, folder / name)
    return folder / name


def test_it_leaves_the_files_that_the_interface_lists(retrained: tuple[Job, Retraining]) -> None:
    _, retraining = retrained
    assert retraining.state == "completed"
    assert set(retraining.artifacts) == {
        "report.json",
        "class_error.csv",
        *(
            name.format(i)
            for i in range(REPEATS)
            for name in (
                "confusion_matrix_{}.csv",
                "confusion_matrix_{}.png",
                "curves_{}.png",
                "model_{}.keras",
            )
        ),
    }


def test_each_repeat_is_judged_on_the_whole_sealed_test_part(
    client: Client, retrained: tuple[Job, Retraining], tmp_path: Path
) -> None:
    job, retraining = retrained
    assert job.test_read_at is not None
    report = json.loads(fetched(client, retraining, "report.json", tmp_path).read_text())
    labels = load_builtin("digits").y
    test = split_rows(labels, **job.request.data.split.model_dump(exclude={"folds"})).test
    sizes = np.bincount(labels[test], minlength=10)
    assert [repeat["seed"] for repeat in report["repeats"]] == [40, 41, 42]
    for repeat in report["repeats"]:
        confusion = np.array(repeat["confusion_matrix"])
        assert confusion.sum(axis=1).tolist() == sizes.tolist()
        accuracy = np.trace(confusion) / confusion.sum()
        assert repeat["test"]["accuracy"] == pytest.approx(accuracy)
        errors = 1 - np.diag(confusion) / sizes
        assert repeat["class_errors"] == pytest.approx(errors.tolist())
        judged = {"loss", "accuracy", "precision", "recall", "auc", "mae"}
        assert judged == set(repeat["train"]) == set(repeat["validation"])
    assert report["params"] == job.best.params if job.best else False


def test_the_report_gives_mean_deviation_and_interval_over_repeats(
    retrained: tuple[Job, Retraining],
) -> None:
    report: Any = retrained[1].report
    values = [repeat["test"]["accuracy"] for repeat in report["repeats"]]
    said = report["summary"]["test_accuracy"]
    assert said["mean"] == pytest.approx(np.mean(values))
    assert said["std"] == pytest.approx(np.std(values, ddof=1))
    interval = stats.t.interval(0.95, REPEATS - 1, np.mean(values), stats.sem(values))
    assert said["interval_95"] == pytest.approx(list(interval))


def test_the_class_error_table_has_a_row_a_repeat_and_the_mean_last(
    client: Client, retrained: tuple[Job, Retraining], tmp_path: Path
) -> None:
    _, retraining = retrained
    with fetched(client, retraining, "class_error.csv", tmp_path).open(newline="") as file:
        head, *rows, last = csv.reader(file)
    assert head == ["repeat", *map(str, range(10)), "mean"]
    assert [row[0] for row in rows] == ["0", "1", "2"]
    errors = np.array([[float(cell) for cell in row[1:]] for row in rows])
    assert last[0] == "mean"
    assert [float(cell) for cell in last[1:]] == pytest.approx(errors.mean(axis=0).tolist())
    assert errors[:, -1] == pytest.approx(errors[:, :-1].mean(axis=1))


def test_repeats_differ_in_split_and_weights(retrained: tuple[Job, Retraining]) -> None:
    report: Any = retrained[1].report
    losses = {repeat["validation"]["loss"] for repeat in report["repeats"]}
    assert len(losses) == REPEATS
