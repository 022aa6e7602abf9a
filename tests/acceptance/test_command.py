"""The command against the real service, as a person types it."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from kerasearch.service.launching import RunningService

JOB = """
name: by-hand
model: mlp
data: {dataset: breast-cancer}
space: {learning_rate: 1e-2, layers: 1, units_1: "{{choice([8, 16, 32])}}"}
budget: {trials: 2, epochs: 2}
"""


class Command:
    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self.folder = folder

    def __call__(self, *arguments: str, fails_with: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [Path(sysconfig.get_path("scripts"), "kerasearch"), *arguments],
            env={**os.environ, "KERASEARCH_URL": self._url, "NO_COLOR": "1", "COLUMNS": "100"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == fails_with, done.stderr
        return done


@pytest.fixture(scope="module")
def command(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(service.url, tmp_path_factory.mktemp("by-hand"))


@pytest.fixture(scope="module")
def job_id(command: Command) -> str:
    """Of a job that was submitted and watched to its end: all that stands on stdout."""
    (command.folder / "job.yaml").write_text(JOB)
    done = command("submit", "job.yaml", "--watch", "--set", "search.seed=4")
    assert "trial 1" in done.stderr
    return done.stdout.strip()


def test_a_job_is_listed_shown_and_its_trials_printed(command: Command, job_id: str) -> None:
    assert job_id in command("jobs").stdout
    shown = json.loads(command("show", job_id, "--json").stdout)
    assert (shown["state"], shown["request"]["search"]["seed"]) == ("completed", 4)
    trials = json.loads(command("trials", job_id, "--json").stdout)
    assert [trial["number"] for trial in trials] == [0, 1]
    assert {trial["params"]["learning_rate"] for trial in trials} == {0.01}


def test_the_best_model_is_downloaded_whole(command: Command, job_id: str) -> None:
    best = json.loads(command("best", job_id, "--json").stdout)
    command("download", job_id, "-o", "best.keras")
    model = command.folder / "best.keras"
    assert model.stat().st_size > 1000
    assert best["number"] in (0, 1)
    assert [file.name for file in command.folder.iterdir() if "best" in file.name] == ["best.keras"]


def test_a_retraining_prints_errors_per_class_and_leaves_its_files(
    command: Command, job_id: str
) -> None:
    done = command("retrain", job_id, "--repeats", "2", "--epochs", "2", "-o", "retrained")
    assert "benign" in done.stdout
    left = {file.name for file in (command.folder / "retrained").iterdir()}
    assert {"report.json", "class_error.csv", "model_0.keras", "curves_1.png"} <= left


def test_a_mistake_is_told_by_its_place_in_the_file_and_stores_nothing(
    command: Command, job_id: str
) -> None:
    before = _job_ids(command)
    (command.folder / "wrong.yaml").write_text(JOB.replace("units_1", "unit_1"))
    done = command("submit", "wrong.yaml", fails_with=1)
    assert "space.unit_1" in done.stderr.replace("/", ".")
    assert "units_1" in done.stderr
    assert done.stdout == ""
    assert _job_ids(command) == before


def _job_ids(command: Command) -> list[str]:
    return [job["id"] for job in json.loads(command("jobs", "--json").stdout)]


def test_the_doctor_finds_nothing_that_fails(command: Command) -> None:
    found = json.loads(command("doctor", "--json").stdout)
    assert found
