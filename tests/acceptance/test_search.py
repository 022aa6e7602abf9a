"""The main job, whole: three kinds of data, both engines, real processes, real MLflow."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from kerasearch.models.datasets import BUILTIN, Dataset, load_builtin, split_rows
from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import RunningService
from kerasearch.service.trials import Trial, TrialState

ENGINES = ["optuna", "hyperopt"]
TRIALS = 3

REQUESTS: dict[str, dict[str, Any]] = {
    "epidemic-curves": {
        "model": "recurrent",
        "data": {"dataset": "epidemic-curves", "scale": "minmax"},
        "space": {
            "cell": {"type": "choice", "values": ["lstm", "gru"]},
            "units": "{{choice([5, 10])}}",
            "layers": 1,
            "learning_rate": "{{loguniform(-6, -3)}}",
            "batch_size": 128,
        },
        "budget": {"trials": TRIALS, "epochs": 2},
    },
    "digits": {
        "model": "mlp",
        "data": {"dataset": "digits"},
        "space": {"layers": {"type": "int", "low": 1, "high": 2}},
        "budget": {"trials": TRIALS, "epochs": 3},
    },
    "uploaded": {
        "model": "mlp",
        "data": {"dataset": "flowers", "target": "kind", "drop": ["row"]},
        "space": {"layers": 1, "units_1": {"type": "int", "low": 8, "high": 64, "log": True}},
        "objective": {"metric": "val_loss"},
        "budget": {"trials": TRIALS, "epochs": 4},
    },
}

Searches = dict[tuple[str, str], Job]


def flowers(path: Path) -> Path:
    """A table as people have them: a column that is no feature, a target that is text."""
    rng = np.random.default_rng(5)
    lines = ["row,petal,sepal,kind"]
    for row in range(300):
        kind = row % 3
        petal, sepal = rng.normal([kind * 2.0, 5.0 - kind], 0.8)
        lines.append(f"{row},{petal:.3f},{sepal:.3f},{['iris', 'lily', 'rose'][kind]}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def searches(
    client: Client, wait_for_end: Callable[..., Job], tmp_path_factory: pytest.TempPathFactory
) -> Searches:
    """Every dataset with every engine, submitted at once."""
    file = flowers(tmp_path_factory.mktemp("upload") / "flowers.csv")
    client.add_dataset(file, name="flowers", kind="tabular", schema={})
    ids = {
        (data, engine): client.submit(
            {**request, "name": f"{data}-{engine}", "search": {"engine": engine, "seed": 3}}
        ).id
        for data, request in REQUESTS.items()
        for engine in ENGINES
    }
    return {key: wait_for_end(client, job_id) for key, job_id in ids.items()}


each_search = pytest.mark.parametrize(
    ("data", "engine"), [(data, engine) for data in REQUESTS for engine in ENGINES]
)


@pytest.fixture(scope="module")
def tracking(service: RunningService) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"{service.url}/mlflow")


def mirrored(tracking: mlflow.MlflowClient, job: Job, wait: Callable[..., Any]) -> list[Any]:
    """The job's trial runs, once the mirror has caught up."""

    def finished() -> list[Any] | None:
        experiment = tracking.get_experiment_by_name(job.name)
        if experiment is None:
            return None
        own = f"tags.`kerasearch.job` = '{job.id}'"
        runs = tracking.search_runs([experiment.experiment_id], own)
        parents = [run for run in runs if run.data.tags.get("kerasearch.trial") is None]
        if len(parents) != 1 or parents[0].info.status != "FINISHED":
            return None
        return [parents[0], *[run for run in runs if run not in parents]]

    runs: list[Any] = wait(finished)
    return runs


@each_search
def test_a_search_runs_to_its_budget_and_names_its_best(
    searches: Searches, client: Client, data: str, engine: str
) -> None:
    job = searches[data, engine]
    assert job.state is JobState.COMPLETED
    assert job.reason == f"the budget of {TRIALS} trials is used up"
    trials = list(client.trials(job.id))
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert all(trial.state is TrialState.COMPLETE for trial in trials), trials
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == TRIALS
    sign = 1 if job.request.objective.direction == "maximize" else -1
    best = max(trials, key=lambda trial: (sign * (trial.value or 0), -trial.number))
    assert job.best is not None
    assert (job.best.number, job.best.value) == (best.number, best.value)
    for trial in trials:
        assert len(trial.values) == job.request.budget.epochs
        assert trial.best_epoch is not None
        assert trial.values[trial.best_epoch - 1] == trial.value
        assert trial.seed == trial.seed
        assert [attempt.outcome for attempt in trial.attempts] == ["complete"]


@each_search
def test_every_trial_is_in_mlflow_with_curves_and_confusion_matrix(
    searches: Searches,
    client: Client,
    tracking: mlflow.MlflowClient,
    wait_until: Callable[..., Any],
    data: str,
    engine: str,
) -> None:
    job = searches[data, engine]
    parent, *runs = mirrored(tracking, job, wait_until)
    trials = {str(trial.number): trial for trial in client.trials(job.id)}
    assert sorted(run.data.tags["kerasearch.trial"] for run in runs) == sorted(trials)
    for run in runs:
        trial = trials[run.data.tags["kerasearch.trial"]]
        assert run.info.run_id == trial.run_id
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["kerasearch.state"] == "complete"
        assert run.data.tags["kerasearch.seed"] == str(trial.seed)
        assert run.data.tags["kerasearch.dataset"] == job.dataset_id
        assert run.data.params == {name: str(value) for name, value in trial.params.items()}
        for metric, curve in trial.curves.items():
            history = tracking.get_metric_history(run.info.run_id, metric)
            points = sorted((point.step, point.value) for point in history)
            assert points == [(epoch, pytest.approx(v)) for epoch, v in enumerate(curve, 1)]
        names = {file.path for file in tracking.list_artifacts(run.info.run_id)}
        assert {
            "confusion_matrix.png",
            "confusion_matrix.json",
            "curves.png",
            "model_summary.txt",
        } <= names
    names = {file.path for file in tracking.list_artifacts(parent.info.run_id)}
    assert {
        "best_params.json",
        "optimization_history.png",
        "parallel_coordinates.png",
        "slices.png",
    } <= names
    version = tracking.get_model_version_by_alias(job.name, "best")
    assert job.best is not None
    assert version.tags["kerasearch.trial"] == str(job.best.number)


PLAIN_KERAS = """
import json, pathlib, sys
import keras, numpy as np

accuracies = {}
for folder in pathlib.Path(sys.argv[1]).iterdir():
    part = np.load(folder / "part.npz")
    model = keras.saving.load_model(folder / "best.keras", safe_mode=True)
    predicted = model.predict(part["x"], verbose=0).argmax(axis=1)
    accuracies[folder.name] = float((predicted == part["y"]).mean())
print(json.dumps(accuracies))
"""


@pytest.fixture(scope="module")
def plain_accuracies(
    searches: Searches, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, float]:
    """Of each search's downloaded model on its raw validation rows, told by plain keras.

    In a process that never hears of Kerasearch.
    """
    folder = tmp_path_factory.mktemp("models")
    for (data, engine), job in searches.items():
        assert job.best is not None
        own = folder / f"{data}-{engine}"
        own.mkdir()
        assert client.download_best(job.id, own / "best.keras") == job.best.model_sha256
        dataset = rows_of(data, tmp_path_factory.mktemp("rows"))
        fractions = job.request.data.split.model_dump(exclude={"folds"})
        validation = split_rows(dataset.y, **fractions).validation
        np.savez(own / "part.npz", x=dataset.x[validation], y=dataset.y[validation])
    answer = subprocess.run(
        [sys.executable, "-I", "-c", PLAIN_KERAS, folder],
        capture_output=True,
        text=True,
        check=True,
    )
    accuracies: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return accuracies


@each_search
def test_the_downloaded_model_gives_the_recorded_validation_accuracy(
    searches: Searches, plain_accuracies: dict[str, float], data: str, engine: str
) -> None:
    best = searches[data, engine].best
    assert best is not None
    recorded = best.metrics["val_accuracy"]
    assert plain_accuracies[f"{data}-{engine}"] == pytest.approx(recorded, abs=1e-6)


def rows_of(data: str, folder: Path) -> Dataset:
    if data in BUILTIN:
        return load_builtin(data)
    lines = flowers(folder / "flowers.csv").read_text().splitlines()[1:]
    cells = [line.split(",") for line in lines]
    kinds = ("iris", "lily", "rose")
    x = np.array([[float(cell) for cell in row[1:3]] for row in cells], np.float32)
    return Dataset("tabular", x, np.array([kinds.index(row[3]) for row in cells]), kinds)


def test_the_same_job_gives_the_same_params_and_values_twice(
    client: Client, wait_for_end: Callable[..., Job]
) -> None:
    request = {
        **REQUESTS["digits"],
        "name": "twice",
        "search": {"engine": "optuna", "seed": 11},
        "resources": {"parallel": 1},
    }
    jobs = [wait_for_end(client, client.submit(request).id) for _ in range(2)]
    first, second = ([essence(trial) for trial in client.trials(job.id)] for job in jobs)
    assert first == second
    assert len(first) == TRIALS


def essence(trial: Trial) -> tuple[Any, ...]:
    return trial.number, trial.params, trial.seed, trial.value, trial.curves


def test_params_that_cannot_be_trained_are_infeasible_and_the_job_goes_on(
    client: Client, wait_for_end: Callable[..., Job]
) -> None:
    request = {
        "model": "mlp",
        "data": {"dataset": "breast-cancer", "scale": "none"},
        "space": {
            "layers": 1,
            "batch_norm": False,
            "input_dropout": 0.0,
            "regularization": "none",
            "units_1": {"type": "choice", "values": [8, 1_000_000_000]},
            "optimizer": "sgd",
            "learning_rate": {"type": "choice", "values": [1e-6, 1e30]},
            "activation": "relu",
            "dropout": 0.0,
            "batch_size": 64,
        },
        "search": {"sampler": "random", "seed": 1},
        "budget": {"trials": 4, "epochs": 2},
    }
    job = wait_for_end(client, client.submit(request).id)
    assert job.state is JobState.COMPLETED
    assert (job.trials[TrialState.COMPLETE], job.trials[TrialState.INFEASIBLE]) == (1, 3)
    for trial in client.trials(job.id, TrialState.INFEASIBLE):
        assert trial.reason is not None
        too_large = trial.params["units_1"] == 1_000_000_000
        assert ("too large" if too_large else "loss") in trial.reason
        assert len(trial.attempts) == 1


def test_a_cnn_tells_more_than_97_of_100_digits(
    client: Client, wait_for_end: Callable[..., Job]
) -> None:
    request = {
        "model": "cnn",
        "data": {"dataset": "digits"},
        "space": {
            "blocks": 2,
            "filters": 32,
            "kernel_size": 3,
            "batch_norm": False,
            "dense_units": 64,
            "learning_rate": 2e-3,
            "augmentation": {"type": "choice", "values": [False, True]},
            "flip": "none",
            "rotation": 0.02,
            "zoom": 0.05,
            "shear": 0.05,
        },
        "budget": {"trials": 2, "epochs": 15},
    }
    job = wait_for_end(client, client.submit(request).id)
    assert job.best is not None
    assert job.best.value > 0.97
