import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities import Run

from kerasearch.service.jobs import (
    DataRequest,
    Job,
    JobRequest,
    JobState,
    PickedPruner,
    PickedSampler,
    Progress,
)
from kerasearch.service.mlflow_pages import RunLink, experiment_url, run_url, trials_url
from kerasearch.service.ports import free_port
from kerasearch.service.settings import Settings
from kerasearch.service.tracking import Tracking, TrackingRefused, TrackingUnavailable
from kerasearch.service.trials import (
    Attempt,
    BestTrial,
    Repeat,
    Retraining,
    RetrainingRequest,
    Trial,
    TrialState,
)

ROWS = np.arange(20, dtype=np.float32).reshape(4, 5, 1)
LOAD = """
import json, sys, mlflow, numpy as np
rows = np.arange(20, dtype=np.float32).reshape(4, 5, 1)
loaded = mlflow.keras.load_model(sys.argv[1]), mlflow.pyfunc.load_model(sys.argv[1])
predicted = [np.asarray(model.predict(rows)).tolist() for model in loaded]
signature = mlflow.models.get_model_info(sys.argv[1]).signature
print(json.dumps([*predicted, signature.to_dict()]))
"""

BEGUN = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def tracking(mlflow_url: str) -> Tracking:
    return Tracking(f"{mlflow_url}/mlflow")


@pytest.fixture(scope="module")
def client(mlflow_url: str) -> MlflowClient:
    return MlflowClient(f"{mlflow_url}/mlflow")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a trial leaves."""
    folder = tmp_path_factory.mktemp("trial")
    matrix = {"classes": ["fast", "slow"], "counts": [[7, 1], [2, 6]]}
    (folder / "confusion_matrix.json").write_text(json.dumps(matrix))
    (folder / "model_summary.txt").write_text("a small model")
    rows = keras.Input((5, 1))
    scaled = keras.layers.Normalization(mean=[1.0], variance=[4.0])(rows)
    state = keras.layers.SimpleRNN(3)(scaled)
    keras.Model(rows, keras.layers.Dense(2, activation="softmax")(state)).save(
        folder / "model.keras"
    )
    return folder


def trial_of(number: int, state: TrialState = TrialState.COMPLETE, epochs: int = 3) -> Trial:
    begun = BEGUN + timedelta(minutes=number)
    accuracy = [0.5 + 0.1 * number + 0.01 * epoch for epoch in range(1, epochs + 1)]
    return Trial(
        number=number,
        state=state,
        params={"units": 10 + number, "cell": "lstm", "learning_rate": 0.001, "dropout": None},
        value=accuracy[-1],
        curves={"loss": [1 - a for a in accuracy], "val_accuracy": list(accuracy)},
        metrics={"loss": 1 - accuracy[-1], "val_accuracy": accuracy[-1]},
        best_epoch=epochs,
        seed=70 + number,
        attempts=[
            Attempt(
                number=1,
                started_at=begun,
                ended_at=begun + timedelta(seconds=30) if state.ended else None,
                outcome=None,
                reason=None,
                device="cpu",
                pid=1,
            )
        ],
    )


def job_of(
    job_id: str,
    trials: Sequence[Trial] = (),
    state: JobState = JobState.RUNNING,
    name: str | None = None,
) -> Job:
    best = max(trials, key=lambda trial: trial.value or 0, default=None)
    return Job(
        id=job_id,
        name=name or f"epidemic of {job_id}",
        state=state,
        request=JobRequest(
            model="recurrent",
            data=DataRequest(dataset="epidemic-curves"),
            space={"units": {"type": "choice", "values": [10, 20]}},
        ),
        sampler=PickedSampler(name="tpe", why="it was asked for"),
        pruner=PickedPruner(),
        dataset_id="epidemic-curves",
        trials={},
        best=best
        and BestTrial(
            number=best.number,
            params=best.params,
            value=best.value or 0,
            metrics=best.metrics,
            best_epoch=best.best_epoch or 0,
            run_id=None,
            model_sha256="0",
        ),
        progress=Progress(done=0, total=20, elapsed_s=0, eta_s=None),
        created_at=BEGUN,
        started_at=BEGUN,
        ended_at=BEGUN + timedelta(hours=1) if state.ended else None,
    )


def runs_of(client: MlflowClient, job_id: str, kind: str) -> list[Run]:
    wanted = f"tags.`kerasearch.job` = '{job_id}' AND tags.`kerasearch.kind` = '{kind}'"
    experiments = [e.experiment_id for e in client.search_experiments()]
    return list(client.search_runs(experiments, wanted))


def artifacts_of(client: MlflowClient, run_id: str) -> set[str]:
    return {file.path for file in client.list_artifacts(run_id)}


def test_a_job_is_a_parent_run_in_the_experiment_of_its_name(
    tracking: Tracking, client: MlflowClient, tmp_path: Path
) -> None:
    picture = tmp_path / "optimization_history.png"
    picture.write_bytes(b"picture")
    trials = [trial_of(0), trial_of(1)]
    link = tracking.sync_job(job_of("j1", trials), [picture])
    run = client.get_run(link.run_id)
    assert client.get_experiment(link.experiment_id).name == "epidemic of j1"
    assert run.info.status == "RUNNING"
    assert run.info.start_time == BEGUN.timestamp() * 1000
    assert run.data.params["search.sampler"] == "auto"
    assert run.data.params["data.split.test"] == "0.2"
    assert json.loads(run.data.params["space.units"]) == {"type": "choice", "values": [10, 20]}
    assert run.data.tags["kerasearch.job"] == "j1"
    assert run.data.tags["kerasearch.state"] == "running"
    assert run.data.tags["kerasearch.budget.trials"] == "20"
    assert run.data.metrics["best_val_accuracy"] == trials[1].value
    assert artifacts_of(client, link.run_id) == {"best_params.json", "optimization_history.png"}
    best = client.download_artifacts(link.run_id, "best_params.json", str(tmp_path))
    assert json.loads(Path(best).read_text()) == trials[1].params


def test_a_job_synced_again_is_the_same_run_with_its_end(
    tracking: Tracking, client: MlflowClient
) -> None:
    first = tracking.sync_job(job_of("j2"), [])
    extended = job_of("j2", state=JobState.CANCELLED)
    budget = extended.request.budget.model_copy(update={"trials": 99})
    request = extended.request.model_copy(update={"budget": budget})
    ended = extended.model_copy(update={"request": request, "reason": "asked for"})
    assert tracking.sync_job(ended, []) == first
    run = client.get_run(first.run_id)
    assert run.info.status == "KILLED"
    assert run.info.end_time == (BEGUN + timedelta(hours=1)).timestamp() * 1000
    assert run.data.tags["kerasearch.budget.trials"] == "99"
    assert run.data.tags["kerasearch.reason"] == "asked for"


def test_a_job_that_goes_on_after_its_end_runs_again_without_the_old_reason(
    tracking: Tracking, client: MlflowClient
) -> None:
    ended = job_of("j15", state=JobState.COMPLETED).model_copy(update={"reason": "used up"})
    link = tracking.sync_job(ended, [])
    extended = job_of("j15")
    resources = extended.request.resources.model_copy(update={"parallel": 3})
    request = extended.request.model_copy(update={"resources": resources})
    assert tracking.sync_job(extended.model_copy(update={"request": request}), []) == link
    run = client.get_run(link.run_id)
    assert run.info.status == "RUNNING"
    assert run.data.tags["kerasearch.reason"] == ""
    assert run.data.tags["kerasearch.resources.parallel"] == "3"


def test_jobs_of_one_name_share_an_experiment(tracking: Tracking, client: MlflowClient) -> None:
    one = tracking.sync_job(job_of("j3", name="shared's"), [])
    other = tracking.sync_job(job_of("j4", name="shared's"), [])
    assert one.experiment_id == other.experiment_id
    assert one.run_id != other.run_id


def test_a_trial_is_a_child_run_with_its_curves_and_pictures(
    tracking: Tracking, client: MlflowClient, files: Path
) -> None:
    warnings = ["vanishing gradients", "and more"]
    trial = trial_of(3).model_copy(update={"warnings": warnings})
    job = job_of("j5", [trial])
    link = tracking.sync_job(job, [])
    run_id = tracking.sync_trial(job, link, trial, files, is_best=False)
    run = client.get_run(run_id)
    assert run.info.run_name == "trial 3"
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 30_000
    assert run.data.params == {
        "units": "13",
        "cell": "lstm",
        "learning_rate": "0.001",
        "dropout": "None",
    }
    ours = {k: v for k, v in run.data.tags.items() if k.startswith(("kerasearch", "mlflow.parent"))}
    assert ours == {
        "kerasearch.kind": "trial",
        "kerasearch.job": "j5",
        "kerasearch.trial": "3",
        "kerasearch.state": "complete",
        "kerasearch.dataset": "epidemic-curves",
        "kerasearch.seed": "73",
        "kerasearch.warnings": "vanishing gradients; and more",
        "mlflow.parentRunId": link.run_id,
    }
    history = client.get_metric_history(run_id, "val_accuracy")
    assert [(m.step, m.value) for m in history] == list(
        enumerate(trial.curves["val_accuracy"], start=1)
    )
    assert run.info.start_time < history[0].timestamp < history[2].timestamp == run.info.end_time
    assert run.data.metrics["best_val_accuracy"] == trial.value
    assert artifacts_of(client, run_id) == {
        "confusion_matrix.json",
        "confusion_matrix.png",
        "curves.png",
        "model_summary.txt",
    }


def test_files_of_a_trial_reach_mlflow_without_its_server(
    mlflow_url: str, mlflow_data_dir: Path, client: MlflowClient, files: Path, tmp_path: Path
) -> None:
    trial = trial_of(1)
    job = job_of("j5a", [trial])
    artifacts = Settings(data_dir=mlflow_data_dir).mlflow_artifacts
    tracking = Tracking(f"{mlflow_url}/mlflow", artifacts)
    link = tracking.sync_job(job, [])
    run_id = tracking.sync_trial(job, link, trial, files, is_best=False)
    assert {"confusion_matrix.png", "curves.png"} <= artifacts_of(client, run_id)
    fetched = client.download_artifacts(run_id, "model_summary.txt", str(tmp_path))
    assert Path(fetched).read_text() == (files / "model_summary.txt").read_text()


def test_a_running_trial_grows_and_nothing_is_there_twice(
    tracking: Tracking, client: MlflowClient, files: Path, tmp_path: Path
) -> None:
    job = job_of("j6")
    link = tracking.sync_job(job, [])
    begun = trial_of(0, TrialState.RUNNING).model_copy(update={"curves": {}})
    run_id = tracking.sync_trial(job, link, begun, tmp_path, is_best=False)
    for epochs in (1, 2, 2):
        trial = trial_of(0, TrialState.RUNNING, epochs)
        assert tracking.sync_trial(job, link, trial, tmp_path, is_best=False) == run_id
        assert client.get_run(run_id).info.status == "RUNNING"
    for _ in range(2):
        trial = trial_of(0, TrialState.COMPLETE, epochs=3)
        assert tracking.sync_trial(job, link, trial, files, is_best=True) == run_id
    assert len(runs_of(client, "j6", "trial")) == 1
    for metric in ("loss", "val_accuracy"):
        assert sorted(m.step for m in client.get_metric_history(run_id, metric)) == [1, 2, 3]
    assert len(client.get_metric_history(run_id, "best_loss")) == 1
    assert len(client.search_model_versions(f"run_id = '{run_id}'")) == 1
    assert len(client.search_logged_models([link.experiment_id])) == 1


def test_a_new_mirror_finds_what_the_one_before_it_made(
    tracking: Tracking, client: MlflowClient, files: Path, mlflow_url: str
) -> None:
    job, name = job_of("j18"), "val_accuracy"
    link = tracking.sync_job(job, [])
    running = trial_of(0, TrialState.RUNNING, epochs=2)
    run_id = tracking.sync_trial(job, link, running, files, is_best=False)
    later = Tracking(f"{mlflow_url}/mlflow")
    assert later.sync_job(job, []) == link
    assert later.sync_trial(job, link, trial_of(0), files, is_best=True) == run_id
    assert sorted(m.step for m in client.get_metric_history(run_id, name)) == [1, 2, 3]


def test_a_run_that_somebody_deletes_is_made_again(
    tracking: Tracking, client: MlflowClient, files: Path
) -> None:
    job = job_of("j21")
    link = tracking.sync_job(job, [])
    begun = tracking.sync_trial(job, link, trial_of(0, TrialState.RUNNING), files, is_best=False)
    client.delete_run(begun)
    run_id = tracking.sync_trial(job, link, trial_of(0), files, is_best=False)
    assert [run.info.run_id for run in runs_of(client, "j21", "trial")] == [run_id]


def test_a_trial_that_ends_before_it_is_shown_takes_three_requests(
    mlflow_url: str,
    mlflow_data_dir: Path,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    artifacts = Settings(data_dir=mlflow_data_dir).mlflow_artifacts
    tracking, job, asked = Tracking(f"{mlflow_url}/mlflow", artifacts), job_of("j19"), []
    link = tracking.sync_job(job, [])
    send = requests.Session.send

    def noted(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        asked.append(request.url.rpartition("/")[2])
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", noted)
    tracking.sync_trial(job, link, trial_of(0), files, is_best=False)
    assert asked == ["create", "log-batch", "update"]


def test_numbers_that_json_has_not_got_are_shown(
    tracking: Tracking, client: MlflowClient, tmp_path: Path
) -> None:
    job = job_of("j20")
    link = tracking.sync_job(job, [])
    trial = trial_of(0).model_copy(update={"metrics": {"r2": float("-inf"), "bias": float("nan")}})
    run = client.get_run(tracking.sync_trial(job, link, trial, tmp_path, is_best=False))
    assert run.data.metrics["best_r2"] < -1e300
    assert np.isnan(run.data.metrics["best_bias"])


@pytest.mark.parametrize(
    ("state", "status"),
    [("infeasible", "FAILED"), ("failed", "FAILED"), ("cancelled", "KILLED")],
)
def test_a_trial_without_a_result_says_why(
    tracking: Tracking, client: MlflowClient, tmp_path: Path, state: str, status: str
) -> None:
    job = job_of(f"j7-{state}")
    link = tracking.sync_job(job, [])
    trial = Trial(
        number=0,
        state=TrialState(state),
        params={},
        seed=0,
        curves={"loss": [1.5, None]},
        reason="the loss is not finite " + "x" * 9000,
    )
    run = client.get_run(tracking.sync_trial(job, link, trial, tmp_path, is_best=False))
    assert run.info.status == status
    assert run.data.tags["kerasearch.reason"].startswith("the loss is not finite")
    assert run.data.metrics == {"loss": 1.5}


def test_long_curves_arrive_whole(tracking: Tracking, client: MlflowClient, files: Path) -> None:
    job = job_of("j8")
    link = tracking.sync_job(job, [])
    run_id = tracking.sync_trial(job, link, trial_of(0, epochs=1500), files, is_best=False)
    for metric in ("loss", "val_accuracy"):
        steps = [m.step for m in client.get_metric_history(run_id, metric)]
        assert steps == list(range(1, 1501))


def test_the_best_model_is_registered_and_loads_as_mlflow_loads_models(
    tracking: Tracking, client: MlflowClient, files: Path, mlflow_url: str
) -> None:
    job = job_of("j9", name="lstm: a/b")
    link = tracking.sync_job(job, [])
    for number in (0, 1):
        run_id = tracking.sync_trial(job, link, trial_of(number), files, is_best=True)
    best = client.get_model_version_by_alias("lstm- a-b", "best")
    assert best.run_id == run_id
    assert {m.status for m in client.search_logged_models([link.experiment_id])} == {"READY"}

    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, "models:/lstm- a-b@best"],
        env=os.environ | {"MLFLOW_TRACKING_URI": f"{mlflow_url}/mlflow"},
        stdout=subprocess.PIPE,
        check=True,
    )
    ours = keras.saving.load_model(files / "model.keras").predict(ROWS, verbose=0)
    by_keras, by_pyfunc, signature = json.loads(loaded.stdout.splitlines()[-1])
    np.testing.assert_allclose(by_keras, ours, atol=1e-6)
    np.testing.assert_allclose(by_pyfunc, ours, atol=1e-6)
    inputs, outputs = (json.loads(signature[side]) for side in ("inputs", "outputs"))
    assert inputs[0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 5, 1]}
    assert outputs[0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 2]}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_trial_that_went_on_from_a_rung_is_registered_by_its_last_model(
    mlflow_url: str,
    mlflow_data_dir: Path,
    client: MlflowClient,
    files: Path,
    tmp_path: Path,
    restarts: bool,
) -> None:
    uri, artifacts = f"{mlflow_url}/mlflow", Settings(data_dir=mlflow_data_dir).mlflow_artifacts
    tracking, job = Tracking(uri, artifacts), job_of(f"j24-{restarts}")
    link = tracking.sync_job(job, [])
    pruned = trial_of(0, TrialState.PRUNED).model_copy(update={"model_sha256": "early"})
    tracking.sync_trial(job, link, pruned, files, is_best=True)
    early = client.get_model_version_by_alias(job.name, "best")
    shutil.copytree(files, tmp_path / "later")
    rows = keras.Input((5, 1))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(rows))
    keras.Model(rows, outputs).save(tmp_path / "later" / "model.keras")
    if restarts:
        tracking = Tracking(uri, artifacts)
    complete = trial_of(0).model_copy(update={"model_sha256": "late"})
    for _ in range(2):
        run_id = tracking.sync_trial(job, link, complete, tmp_path / "later", is_best=True)
    late = client.get_model_version_by_alias(job.name, "best")
    assert (late.run_id, late.version) == (run_id, "2")
    logged = client.search_logged_models([link.experiment_id])
    assert {model.status for model in logged} == {"READY"}
    for version, folder in ((early, files), (late, tmp_path / "later")):
        model_id = version.source.removeprefix("models:/")
        (kept,) = (
            file.file_size
            for file in client.list_logged_model_artifacts(model_id, "data")
            if file.path == "data/model.keras"
        )
        assert kept == (folder / "model.keras").stat().st_size


def test_names_that_mlflow_has_no_params_by_are_told(
    tracking: Tracking, client: MlflowClient, files: Path
) -> None:
    job = job_of("j25")
    weights = {"<=50K": 1.0, ">50K": 3.0}
    training = job.request.training.model_copy(update={"class_weight": weights})
    space = {"units (1st)": 3, "a//b": 4, "block1/units": 5}
    request = job.request.model_copy(update={"training": training, "space": space})
    job = job.model_copy(update={"request": request})
    link = tracking.sync_job(job, [])
    params = client.get_run(link.run_id).data.params
    assert json.loads(params["training.class_weight"]) == weights
    odd = {"space.units _1st_": "3", "space.a__b": "4", "space.block1/units": "5"}
    assert odd.items() <= params.items()
    view = client.get_experiment(link.experiment_id).tags[f"mlflow.sharedViewState.{link.run_id}"]
    _, *columns = json.loads(view)["selectedColumns"]
    assert columns == ["params.`units _1st_`", "params.`a__b`", "params.`block1/units`"]
    trial = trial_of(0).model_copy(update={"params": space, "metrics": {"error (%)": 0.5}})
    run = client.get_run(tracking.sync_trial(job, link, trial, files, is_best=True))
    assert run.data.params == {"units _1st_": "3", "a__b": "4", "block1/units": "5"}
    assert run.data.metrics["best_error ___"] == 0.5


def test_balanced_classes_are_a_plain_param(tracking: Tracking, client: MlflowClient) -> None:
    job = job_of("j26")
    training = job.request.training.model_copy(update={"class_weight": "balanced"})
    request = job.request.model_copy(update={"training": training})
    link = tracking.sync_job(job.model_copy(update={"request": request}), [])
    assert client.get_run(link.run_id).data.params["training.class_weight"] == "balanced"


def test_a_mirror_that_died_in_the_middle_begins_again(
    tracking: Tracking, client: MlflowClient, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, trial = job_of("j22"), trial_of(0)
    link = tracking.sync_job(job, [])
    for step in ("log_artifacts", "log_model_artifacts", "create_model_version", "set_terminated"):
        with monkeypatch.context() as broken:
            broken.setattr(tracking._client, step, _die)
            with pytest.raises(KeyboardInterrupt):
                tracking.sync_trial(job, link, trial, files, is_best=True)
        assert (
            client.get_run(runs_of(client, "j22", "trial")[0].info.run_id).info.status == "RUNNING"
        )
    run_id = tracking.sync_trial(job, link, trial, files, is_best=True)
    assert [run.info.run_id for run in runs_of(client, "j22", "trial")] == [run_id]
    assert client.get_model_version_by_alias(job.name, "best").run_id == run_id
    assert len(client.search_logged_models([link.experiment_id])) == 1


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def answer_lost(number: int, error: type[BaseException]) -> Iterator[list[str]]:
    """Every request is done, but of one the answer is lost: MLflow or the mirror was killed."""
    asked: list[str] = []
    send = requests.Session.send

    def losing(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        answer = send(session, request, **options)
        asked.append(request.url)
        if len(asked) == number:
            raise error
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(requests.Session, "send", losing)
        yield asked


@pytest.mark.parametrize("error", [requests.ConnectionError, KeyboardInterrupt])
def test_any_answer_may_be_lost(
    mlflow_url: str,
    mlflow_data_dir: Path,
    client: MlflowClient,
    files: Path,
    error: type[BaseException],
) -> None:
    uri, artifacts = f"{mlflow_url}/mlflow", Settings(data_dir=mlflow_data_dir).mlflow_artifacts
    trial = trial_of(0)

    def mirrored(tracking: Tracking, job: Job) -> tuple[RunLink, str]:
        link = tracking.sync_job(job, [])
        return link, tracking.sync_trial(job, link, trial, files, is_best=True)

    for number in range(1, 100):
        job, tracking = job_of(f"j10-{error.__name__}-{number}", [trial]), Tracking(uri, artifacts)
        with answer_lost(number, error) as asked:
            try:
                mirrored(tracking, job)
            except TrackingUnavailable:
                pass
            except KeyboardInterrupt:
                tracking = Tracking(uri, artifacts)
        link, run_id = mirrored(tracking, job)
        assert [run.info.run_id for run in runs_of(client, job.id, "job")] == [link.run_id]
        (run,) = runs_of(client, job.id, "trial")
        assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
        assert client.get_model_version_by_alias(job.name, "best").run_id == run_id
        assert len(client.search_logged_models([link.experiment_id])) == 1
        if len(asked) < number:
            return
    pytest.fail("100 requests for a job and a trial")


def test_a_retraining_is_a_child_run_with_its_report(
    tracking: Tracking, client: MlflowClient, tmp_path: Path
) -> None:
    job = job_of("j11")
    link = tracking.sync_job(job, [])
    for name in ("report.json", "class_error.csv", "confusion_matrix_0.png", "model_0.keras"):
        (tmp_path / name).write_text(name)
    figures = {"mean": 0.8, "std": 0.1, "interval_95": [0.7, 0.9]}
    retraining = Retraining(
        id="r1",
        job_id="j11",
        state="completed",
        request=RetrainingRequest(repeats=2),
        params={"units": 10},
        repeats=[
            Repeat(number=n, state=TrialState.COMPLETE, seed=n, metrics={"test_accuracy": 0.7 + n})
            for n in (0, 1)
        ],
        report={
            "summary": {"test_accuracy": figures},
            "class_errors": {"very/fast (1)": figures | {"std": None}},
        },
        created_at=BEGUN,
        ended_at=BEGUN + timedelta(minutes=5),
    )
    run_id = tracking.sync_retraining(job, link, retraining, tmp_path)
    assert tracking.sync_retraining(job, link, retraining, tmp_path) == run_id
    run = client.get_run(run_id)
    assert (run.info.run_name, run.info.status) == ("retraining r1", "FINISHED")
    assert run.data.tags["mlflow.parentRunId"] == link.run_id
    assert run.data.metrics == {
        "test_accuracy": 1.7,
        "test_accuracy.mean": 0.8,
        "test_accuracy.std": 0.1,
        "class_error.very_fast _1_.mean": 0.8,
    }
    assert [m.step for m in client.get_metric_history(run_id, "test_accuracy")] == [0, 1]
    assert artifacts_of(client, run_id) == {
        "report.json",
        "class_error.csv",
        "confusion_matrix_0.png",
    }


def test_a_deleted_job_leaves_nothing_and_frees_its_name(
    tracking: Tracking, client: MlflowClient, files: Path, tmp_path: Path
) -> None:
    job = job_of("j12", name="short-lived")
    link = tracking.sync_job(job, [])
    run_id = tracking.sync_trial(job, link, trial_of(0), files, is_best=True)
    tracking.delete_job(link)
    tracking.delete_job(link)
    assert runs_of(client, "j12", "trial") == runs_of(client, "j12", "job") == []
    assert client.search_registered_models("name = 'short-lived'") == []
    assert client.get_experiment_by_name("short-lived") is None
    assert artifacts_of(client, run_id) == set()
    assert tracking.sync_job(job, []).experiment_id != link.experiment_id


def test_a_deleted_job_leaves_the_others_of_its_name(
    tracking: Tracking, client: MlflowClient, files: Path
) -> None:
    links = {}
    for job_id in ("j13", "j14"):
        job = job_of(job_id, name="together")
        links[job_id] = tracking.sync_job(job, [])
        tracking.sync_trial(job, links[job_id], trial_of(0), files, is_best=True)
    tracking.delete_job(links["j13"])
    assert len(runs_of(client, "j14", "trial")) == 1
    (left,) = client.search_model_versions("name = 'together'")
    assert left.tags["kerasearch.job"] == "j14"


def test_mlflow_being_down_is_told_at_once() -> None:
    tracking = Tracking(f"http://127.0.0.1:{free_port()}/mlflow")
    with pytest.raises(TrackingUnavailable):
        tracking.sync_job(job_of("j15"), [])


def test_what_mlflow_will_never_take_is_not_called_unavailable(
    tracking: Tracking, tmp_path: Path
) -> None:
    with pytest.raises(TrackingRefused, match="404404"):
        tracking.sync_trial(
            job_of("j16"), RunLink("404404", "x"), trial_of(0), tmp_path, is_best=False
        )


def test_the_mirror_needs_no_keras() -> None:
    code = (
        "import sys, kerasearch.service.tracking;"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_links_show_runs_and_pictures_to_a_browser_that_is_new_to_mlflow(
    tracking: Tracking, files: Path, mlflow_url: str, open_page: Callable[..., Any]
) -> None:
    trials = [trial_of(number) for number in range(3)]
    job = job_of("j17", trials)
    link = tracking.sync_job(job, [])
    runs = [tracking.sync_trial(job, link, t, files, is_best=t.number == 2) for t in trials]
    open_page(experiment_url(mlflow_url, link), job.name, "job j17")
    page = open_page(trials_url(mlflow_url, link), "trial 0", "trial 2", "units")
    shown = page.get_by_text("trial ").all_inner_texts()
    assert [name for name in shown if name in ("trial 0", "trial 1", "trial 2")] == [
        "trial 2",
        "trial 1",
        "trial 0",
    ]
    page = open_page(run_url(mlflow_url, link), "job j17", "trial 1", "kerasearch.job")
    page.get_by_text("Artifacts", exact=True).click()
    page.get_by_text("best_params.json", exact=True).first.wait_for()
    picture = run_url(mlflow_url, RunLink(link.experiment_id, runs[0])).replace(
        "?", "/artifacts/confusion_matrix.png?"
    )
    open_page(picture, "trial 0", "confusion_matrix.json", picture='img[src^="blob:"]')
