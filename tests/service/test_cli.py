import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from PIL import Image
from typer.testing import CliRunner, Result

from kerasearch.service.app import create_app
from kerasearch.service.cli import app
from kerasearch.service.command.retraining_folder import note_begun
from kerasearch.service.ports import free_port
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import leases
from kerasearch.service.store import retrainings as retrainings_store
from kerasearch.service.store import trials as trials_store
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Outcome
from kerasearch.service.trials import RetrainingRequest, TrialState

JOB = """
name: cli
model: mlp
data: {dataset: digits}
space: {layers: 1, units_1: {type: choice, values: [16, 32]}}
budget: {trials: 4, epochs: 3}
"""
PARAMS = {
    "layers": 1,
    "units_1": 16,
    "activation": "relu",
    "batch_norm": False,
    "input_dropout": 0.0,
    "dropout": 0.1,
    "regularization": "none",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 32,
}


def archive_with_own_layers() -> bytes:
    """Not really a model, but of layers that Keras knows once they are registered."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", '{"registered_name": "kerasearch>CellMap"}' * 100)
    return content.getvalue()


MODEL = archive_with_own_layers()
SHA256 = hashlib.sha256(MODEL).hexdigest()
EPIDEMIC = Path(__file__).parents[2] / "examples" / "epidemic-lstm.yaml"


@dataclass
class Service:
    """The real API and its database, without the processes that would train."""

    url: str
    settings: Settings
    database: Database

    def complete_a_trial(self, job_id: str, number: int, value: float) -> None:
        """Do as scheduler and trial process do."""
        with self.database.write() as tx:
            row = trials_store.add_trial(tx, job_id, number, PARAMS, seed=number)
            lease = leases.place(tx, row)
            assert lease is not None
            leases.report(tx, lease, {1: {"val_accuracy": value}})
            outcome = Outcome(
                TrialState.COMPLETE,
                value=value,
                best_epoch=1,
                metrics={"val_accuracy": value},
                model_sha256=SHA256,
            )
            leases.finish(tx, lease, outcome)
        folder = self.settings.attempt_dir(job_id, number, lease.attempt)
        folder.mkdir(parents=True)
        (folder / "model.keras").write_bytes(MODEL)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = Settings(port=free_port(), data_dir=tmp_path_factory.mktemp("data"))
    database = Database(settings.database_url)
    database.migrate()
    config = uvicorn.Config(
        create_app(settings, database), port=settings.port, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Service(f"http://127.0.0.1:{settings.port}", settings, database)
    server.should_exit = True
    thread.join()
    database.close()


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


def run(*arguments: object, url: str = "http://127.0.0.1:9") -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"KERASEARCH_URL": url})


def submitted(service: Service, job_file: Path) -> str:
    return run("submit", job_file, url=service.url).stdout.strip()


def in_subprocess(
    *arguments: object, url: str = "http://127.0.0.1:9", more: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "KERASEARCH_URL": url, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    heavy = (
        "keras",
        "mlflow",
        "optuna",
        "sqlalchemy",
        "fastapi",
        "numpy",
        "httpx",
        "pydantic_core",
    )
    code = (
        "import sys; from typer.testing import CliRunner; from kerasearch.service.cli import app; "
        "print(CliRunner().invoke(app, ['--help']).stdout); "
        f"print('imported:', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = in_subprocess("-c", code)
    assert "retrain" in done.stdout
    assert done.stdout.endswith("imported: []\n")


def test_submit_prints_the_id_alone(service: Service, job_file: Path) -> None:
    done = run("submit", job_file, url=service.url)
    assert (done.exit_code, done.stderr) == (0, "")
    job_id = done.stdout.strip()
    shown = json.loads(run("show", job_id, "--json", url=service.url).stdout)
    assert shown["id"] == job_id
    assert shown["request"]["space"]["units_1"] == {"type": "choice", "values": [16, 32]}


def test_submit_sets_values_over_the_file(service: Service, job_file: Path) -> None:
    done = run(
        "submit",
        job_file,
        "--set",
        "search.seed=3",
        "--set",
        "name=other",
        "--json",
        url=service.url,
    )
    job = json.loads(done.stdout)
    assert (job["name"], job["request"]["search"]["seed"]) == ("other", 3)


def test_what_the_server_refuses_is_shown_as_places_in_the_file(
    service: Service, job_file: Path
) -> None:
    job_file.write_text("model: ltsm\ndata: {dataset: digits, split: {tset: 0.2}}\n")
    done = run("submit", job_file, url=service.url)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{job_file}: data.split.tset: ")
    assert "did you mean 'test'?" in done.stderr

    job_file.write_text("model: recurent\ndata: {dataset: digits}\nspace: {x: 1}\n")
    done = run("submit", job_file, url=service.url)
    assert f"{job_file}: model: no model family 'recurent'; did you mean" in done.stderr


def test_a_file_that_can_not_be_read_is_bad_usage(tmp_path: Path) -> None:
    done = run("submit", tmp_path / "none.yaml")
    assert (done.exit_code, done.stderr) == (
        2,
        f"{tmp_path / 'none.yaml'}: No such file or directory\n",
    )


def test_without_a_server_a_sentence_says_how_to_start_one(job_file: Path) -> None:
    for command in (("jobs",), ("submit", job_file), ("watch", "x"), ("datasets", "list")):
        done = run(*command)
        assert done.exit_code == 1
        assert done.stderr == (
            "no server at http://127.0.0.1:9: start one with 'kerasearch serve'\n"
        )


@pytest.mark.parametrize("url", ["localhost:8000", "http://localhost:80a", "http://[::1"])
def test_an_address_that_is_none_is_bad_usage(url: str) -> None:
    done = run("jobs", url=url)
    assert done.exit_code == 2
    assert done.stderr.startswith("KERASEARCH_URL: a server's address is like")


@pytest.mark.parametrize("command", ["show", "watch", "trials", "best", "cancel"])
def test_an_unknown_job_is_the_servers_no(service: Service, command: str) -> None:
    done = run(command, "nope", url=service.url)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no job 'nope'" in done.stderr


def test_jobs_trials_and_best_are_tables_or_json(service: Service, job_file: Path) -> None:
    job_id = submitted(service, job_file)
    service.complete_a_trial(job_id, 0, 0.5)
    service.complete_a_trial(job_id, 1, 0.75)

    newest = run("jobs", "--limit", 1, url=service.url).stdout.splitlines()
    assert newest[0].split() == [
        "job",
        "name",
        "model",
        "dataset",
        "state",
        "trials",
        "best",
        "age",
    ]
    assert newest[1].split()[:7] == [job_id, "cli", "mlp", "digits", "queued", "2/4", "0.75"]

    table = run("trials", job_id, url=service.url).stdout.splitlines()
    assert table[0].split() == ["trial", "state", "val_accuracy", "epoch", "seconds", "params"]
    assert table[1].split()[:3] == ["0", "complete", "0.5"]
    assert "layers=1 units_1=16 activation=relu batch_norm=False" in table[1]
    listed = json.loads(run("trials", job_id, "--json", url=service.url).stdout)
    assert [(trial["number"], trial["value"]) for trial in listed] == [(0, 0.5), (1, 0.75)]

    assert "learning_rate   0.001" in run("best", job_id, url=service.url).stdout
    best = json.loads(run("best", job_id, "--json", url=service.url).stdout)
    assert (best["number"], best["params"]) == (1, PARAMS)
    assert "2 of 4" in run("show", job_id, url=service.url).stdout


def test_a_state_that_is_none_is_refused_with_the_known_ones(service: Service) -> None:
    done = run("jobs", "--state", "done", url=service.url)
    assert done.exit_code == 1
    assert "completed" in done.stderr


def test_download_checks_the_model_and_prints_its_path(
    service: Service, job_file: Path, tmp_path: Path
) -> None:
    job_id = submitted(service, job_file)
    target = tmp_path / "best.keras"
    done = run("download", job_id, "-o", target, url=service.url)
    assert (done.exit_code, target.exists()) == (1, False)
    assert "no best trial yet" in done.stderr

    service.complete_a_trial(job_id, 0, 0.5)
    (tmp_path / f"best.keras.{SHA256}.part").write_bytes(MODEL[:1000])  # an earlier try broke off
    done = run("download", job_id, "-o", target, url=service.url)
    assert (done.exit_code, done.stdout) == (0, f"{target}\n")
    assert target.read_bytes() == MODEL
    assert SHA256 in done.stderr
    assert "`import kerasearch.models.custom_objects` first" in done.stderr.replace("\n", " ")


def test_watch_ends_with_the_job_and_takes_its_exit_status(
    service: Service, job_file: Path
) -> None:
    job_id = submitted(service, job_file)

    def finish() -> None:
        service.complete_a_trial(job_id, 0, 0.5)
        with service.database.write() as tx:
            jobs_store.start_job(tx, job_id)
            jobs_store.end_job(tx, job_id, "completed", "the budget is spent")

    later = threading.Timer(0.5, finish)
    later.start()
    done = run("watch", job_id, "--json", url=service.url)
    later.join()
    assert done.exit_code == 0
    assert json.loads(done.stdout)["state"] == "completed"
    assert done.stderr.startswith("trial 0 complete: 0.5  layers=1")


def test_cancel_ends_a_job_and_a_watched_one_exits_with_1(service: Service, job_file: Path) -> None:
    job_id = submitted(service, job_file)
    done = run("cancel", job_id, url=service.url)
    assert (done.exit_code, done.stderr) == (0, f"{job_id} cancelled\n")
    done = run("watch", job_id, url=service.url)
    assert done.exit_code == 1
    assert done.stderr.endswith("the job was cancelled\n")


def test_ctrl_c_leaves_the_job_running_and_says_so(service: Service, job_file: Path) -> None:
    job_id = submitted(service, job_file)
    code = """if True:
        import os, psutil, signal, threading, time
        from kerasearch.service.cli import app

        def interrupt():
            while not psutil.Process().net_connections():
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        app()
        """
    done = in_subprocess("-c", code, "watch", job_id, url=service.url)
    assert done.returncode == 130
    assert done.stderr == (
        f"the job goes on; watch it again: kerasearch watch {job_id}, "
        f"or end it: kerasearch cancel {job_id}\n"
    )


def test_retrain_brings_the_files_and_shows_what_they_say(
    service: Service, job_file: Path, tmp_path: Path
) -> None:
    job_id = submitted(service, job_file)
    service.complete_a_trial(job_id, 0, 0.5)
    spread = {"mean": 0.5, "std": 0.1, "interval_95": [0.4, 0.6]}
    report = {
        "classes": ["cat", "dog"],
        "repeats": [
            {"number": i, "confusion_matrix": [[3, 1], [2, 2]], "class_errors": [0.25, 0.5]}
            for i in range(2)
        ],
        "summary": {"test_accuracy": spread},
        "class_errors": {"cat": spread, "dog": spread},
    }

    asked: list[RetrainingRequest] = []

    def finish() -> None:
        """End the retraining, as scheduler and trial processes would."""
        running: list[str] = []
        while not running:
            time.sleep(0.05)
            with service.database.read() as tx:
                running = retrainings_store.running_retrainings(tx)
        (retraining_id,) = running
        folder = service.settings.retraining_dir(job_id, retraining_id)
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(report))
        (folder / "class_error.csv").write_text("repeat,cat,dog,mean\n")
        with service.database.write() as tx:
            asked.append(retrainings_store.read_retraining(tx, retraining_id).request)
            retrainings_store.end_retraining(tx, retraining_id, "completed", report=report)

    later = threading.Timer(0.5, finish)
    later.start()
    output = tmp_path / "out"
    options = ["--repeats", 2, "--epochs", 5, "--patience", 3, "--seed", 9]
    done = run("retrain", job_id, "-o", output, *options, url=service.url)
    later.join()
    assert done.exit_code == 0, done.stderr
    assert asked == [RetrainingRequest(repeats=2, epochs=5, patience=3, seed=9)]
    assert sorted(path.name for path in output.iterdir()) == ["class_error.csv", "report.json"]
    assert f"2 files in {output}" in done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "0 cat 6 2" in lines
    assert "1 dog 0.5000 0.5000 0.5000 0.1000 0.4000 to 0.6000" in lines
    assert "test_accuracy 0.5000 0.1000 0.4000 to 0.6000" in lines


def test_retrainings_are_not_mixed_in_a_folder(
    service: Service, job_file: Path, tmp_path: Path
) -> None:
    job_id = submitted(service, job_file)
    service.complete_a_trial(job_id, 0, 0.5)
    output = tmp_path / "out"
    output.mkdir()
    (output / "report.json").write_text("{}")
    done = run("retrain", job_id, "-o", output, url=service.url)
    assert (done.exit_code, done.stderr) == (
        2,
        f"{output} holds another retraining: give another -o DIR\n",
    )
    with service.database.read() as tx:
        assert retrainings_store.running_retrainings(tx) == []


def test_an_interrupted_retraining_is_gone_on_with_by_the_same_command(
    service: Service, job_file: Path, tmp_path: Path
) -> None:
    job_id = submitted(service, job_file)
    service.complete_a_trial(job_id, 0, 0.5)
    request = {"trial": "best", "repeats": 10, "epochs": 500, "patience": 100, "seed": 0}
    with service.database.write() as tx:
        asked = RetrainingRequest.model_validate(request)
        begun = retrainings_store.add_retraining(tx, job_id, asked, PARAMS)
        retrainings_store.end_retraining(tx, begun, "failed", reason="a test ended it")
    output = tmp_path / "out"
    note_begun(output, begun, job_id, request)
    other = run("retrain", job_id, "-o", output, "--repeats", 2, url=service.url)
    assert other.exit_code == 2
    assert f"is for another retraining, {begun} of job {job_id}" in other.stderr
    same = run("retrain", job_id, "-o", output, url=service.url)
    assert "the retraining failed: a test ended it" in same.stderr
    assert [*output.iterdir()] == []


def test_retrain_with_params_outside_the_space_points_into_their_file(
    service: Service, job_file: Path, tmp_path: Path
) -> None:
    job_id = submitted(service, job_file)
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({**PARAMS, "units_1": 17}))
    done = run("retrain", job_id, "-o", tmp_path / "out", "--params", params, url=service.url)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{params}: units_1: ")


def test_retrain_takes_a_trial_or_params(job_file: Path, tmp_path: Path) -> None:
    done = run("retrain", "x", "-o", tmp_path, "--trial", 1, "--params", job_file)
    assert (done.exit_code, done.stderr) == (2, "give --trial or --params, not both\n")


def test_datasets_are_uploaded_listed_shown_and_deleted(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "iris-like.csv"
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(40)]
    file.write_text("\n".join(["x1,x2,kind", *rows]) + "\n")
    options = ("--name", "mine", "--kind", "tabular", "--target", "kind")
    done = run("datasets", "add", file, *options, url=service.url)
    assert done.exit_code == 0, done.stderr
    dataset_id = done.stdout.strip()
    assert dataset_id == hashlib.sha256(file.read_bytes()).hexdigest()

    table = run("datasets", "list", url=service.url).stdout
    assert "digits" in table
    assert "mine" in table
    shown = run("datasets", "show", "mine", url=service.url).stdout
    for fact in ("classes  a, b", "target   kind", "number: x1, x2", "category: kind"):
        assert fact in shown
    listed = json.loads(run("datasets", "list", "--json", url=service.url).stdout)
    assert listed[-1]["columns"] == ["x1", "x2", "kind"]

    assert run("datasets", "delete", "digits", url=service.url).exit_code == 1
    done = run("datasets", "delete", "mine", url=service.url)
    assert (done.exit_code, done.stderr) == (0, "mine deleted\n")
    assert "mine" not in run("datasets", "list", url=service.url).stdout

    more = ("--name", "b", "--type", "x1=drop", "--type", "kind=number")
    done = run("datasets", "add", file, *more, url=service.url)
    assert done.exit_code == 1
    assert done.stderr.startswith("/schema/columns/kind: it holds no number in line 2, 'a'")
    assert run("datasets", "add", file, "--type", "x1", url=service.url).exit_code == 2
    done = run("datasets", "add", file, "--target", "nope", "--name", "b", url=service.url)
    assert done.exit_code == 1
    assert done.stderr.startswith("/schema/target: ")


def test_a_folder_with_a_link_is_not_sent(service: Service, tmp_path: Path) -> None:
    for place in range(4):
        folder = tmp_path / "pets" / ("cats", "dogs")[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (12, 12), place).save(folder / f"{place}.png")
    (tmp_path / "secret.png").write_bytes(b"a")
    link = tmp_path / "pets" / "cats" / "9.png"
    link.symlink_to(tmp_path / "secret.png")
    done = run("datasets", "add", tmp_path / "pets", url=service.url)
    assert done.exit_code == 1
    assert "'cats/9.png' is a link: put the files themselves there" in done.stderr
    link.unlink()
    assert run("datasets", "add", tmp_path / "pets", url=service.url).exit_code == 0
    assert "classes  cats, dogs" in run("datasets", "show", "pets", url=service.url).stdout


def test_a_built_in_dataset_is_exported_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "digits.csv"
    done = run("datasets", "export", "breast-cancer", "-o", file)
    assert (done.exit_code, done.stdout) == (0, f"{file}\n")
    assert len(file.read_text().splitlines()) == 570

    done = run("datasets", "export", "digts", "-o", file)
    assert (done.exit_code, "did you mean 'digits'?" in done.stderr) == (1, True)
    done = run("datasets", "export", "digits", "-o", tmp_path / "no folder" / "x.csv")
    assert (done.exit_code, "No such file or directory" in done.stderr) == (1, True)


def test_models_are_listed(service: Service) -> None:
    assert "recurrent" in run("models", url=service.url).stdout
    listed = json.loads(run("models", "--json", url=service.url).stdout)
    assert "units_1" in {model["name"]: model["space"] for model in listed}["mlp"]


def test_serve_refuses_settings_that_can_not_be_meant() -> None:
    done = run("serve", "--port", 99999)
    assert done.exit_code == 2
    assert done.stderr == "port: must be at most 65535, not 99999\n"
    done = run("serve", "--workers", -3, "--executor", "ray")
    assert done.stderr.splitlines() == [
        "workers: must be a whole number from 0 to 1024, or auto, not '-3'",
        "executor: must be local, since the Ray executor isn't part of this version, not 'ray'",
    ]
    done = run("serve", "--host", "0.0.0.0")
    assert done.exit_code == 1
    assert "no API keys yet" in done.stderr


def test_doctor_exits_with_1_when_something_must_be_mended(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasearch.service.command.doctor.ASK_TENSORFLOW", "print('[\"CPU\"]')")
    good = run("doctor", "--data-dir", tmp_path, "--port", free_port(), "--json")
    assert good.exit_code == 0
    assert {check["name"]: check["state"] for check in json.loads(good.stdout)}["port"] == "ok"

    bad = run("doctor", "--data-dir", tmp_path, "--port", service.settings.port)
    assert bad.exit_code == 1  # an API without its other parts is no service
    assert "give serve another --port" in bad.stdout


def test_output_to_a_pipe_is_plain_and_whole(service: Service, job_file: Path) -> None:
    job_id = submitted(service, job_file)
    service.complete_a_trial(job_id, 0, 0.5)
    done = in_subprocess(
        "-c",
        "from kerasearch.service.cli import app; app()",
        "trials",
        job_id,
        url=service.url,
        more={"COLUMNS": "40"},
    )
    assert "batch_size=32" in done.stdout.splitlines()[1]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("command", ["pause", "resume", "stop", "retry", "delete"])
def test_an_unknown_job_cannot_be_controlled(service: Service, command: str) -> None:
    done = run(command, "nope", url=service.url)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no job 'nope'" in done.stderr


def test_a_job_is_controlled_from_the_command_line(service: Service, job_file: Path) -> None:
    job_id = submitted(service, job_file)
    for command, state in {"pause": "paused", "resume": "running", "stop": "stopping"}.items():
        done = run(command, job_id, url=service.url)
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"{job_id} {state}\n")
    refused = run("pause", job_id, url=service.url)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "is stopping and can't be paused" in refused.stderr
    run("cancel", job_id, url=service.url)
    assert run("delete", job_id, url=service.url).stderr == f"{job_id} deleted\n"
    assert run("show", job_id, url=service.url).exit_code == 1


def test_extend_changes_what_is_said_and_refuses_to_change_nothing(
    service: Service, job_file: Path
) -> None:
    job_id = submitted(service, job_file)
    options = ["--trials", 9, "--time", 60, "--trial-time", 5.5, "--parallel", 2]
    done = run("extend", job_id, *options, "--json", url=service.url)
    assert done.exit_code == 0
    request = json.loads(done.stdout)["request"]
    assert request["budget"]["trials"] == 9
    assert (request["budget"]["time_s"], request["budget"]["trial_time_s"]) == (60, 5.5)
    assert (request["budget"]["epochs"], request["resources"]["parallel"]) == (3, 2)
    assert run("extend", job_id, url=service.url).exit_code == 2
    refused = run("extend", job_id, "--trials", 0, url=service.url)
    assert refused.exit_code == 1
    assert refused.stderr == "--trials: must be at least 1, not 0\n"


@pytest.mark.parametrize(
    ("before", "min_delta"), [("", 0.0), (", plateau: {trials: 2, min_delta: 0.1}", 0.1)]
)
def test_extend_changes_a_plateaus_trials_and_keeps_its_least_difference(
    service: Service, job_file: Path, before: str, min_delta: float
) -> None:
    job_file.write_text(JOB.replace("epochs: 3", f"epochs: 3{before}"))
    job_id = submitted(service, job_file)
    done = run("extend", job_id, "--plateau", 7, "--json", url=service.url)
    budget = json.loads(done.stdout)["request"]["budget"]
    assert budget["plateau"] == {"trials": 7, "min_delta": min_delta}
    refused = run("extend", job_id, "--plateau", 0, url=service.url)
    assert (refused.exit_code, refused.stderr) == (1, "--plateau: must be at least 1, not 0\n")


def test_retry_says_that_nothing_has_failed(service: Service, job_file: Path) -> None:
    job_id = submitted(service, job_file)
    done = run("retry", job_id, url=service.url)
    assert done.exit_code == 0
    assert done.stderr == f"none of its trials has failed\n{job_id} queued\n"


def test_params_of_a_file_are_enqueued_and_the_trials_number_is_printed(
    service: Service, job_file: Path, tmp_path: Path
) -> None:
    job_id = submitted(service, job_file)
    params = tmp_path / "params.json"
    params.write_text(json.dumps(PARAMS))
    done = run("enqueue", job_id, params, url=service.url)
    assert (done.exit_code, done.stdout) == (0, "0\n")
    params.write_text(json.dumps({**PARAMS, "units_1": 17}))
    refused = run("enqueue", job_id, params, url=service.url)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"{params}: units_1: ")
