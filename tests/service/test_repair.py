"""A data folder that was tampered with is seen to be, and mended as far as it can be."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from kerasearch.service.cli import app
from kerasearch.service.files import sha256_of, write_text
from kerasearch.service.repair import SET_ASIDE, examine
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs, leases, retrainings, trial_views
from kerasearch.service.store.database import Database
from kerasearch.service.store.tables import jobs as jobs_table
from kerasearch.service.store.tables import outbox
from kerasearch.service.store.tables import trials as trials_table
from kerasearch.service.supervisor import data_dir_lock
from kerasearch.service.testing import accept, new_database, place
from kerasearch.service.trials import RetrainingRequest, TrialState

MODEL = "the model of trial 0"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = new_database(settings.data_dir)
    yield database
    database.close()


@pytest.fixture
def job_id(settings: Settings, database: Database) -> str:
    """A job with a trial that left a model, and a retraining that left a table; all is mirrored."""
    job_id = accept(database)
    lease = place(database, job_id, {"layers": 1})
    write_text(settings.attempt_dir(job_id, 0, 1) / "model.keras", MODEL)
    with database.write() as tx:
        jobs.start_job(tx, job_id)
        sha256 = hashlib.sha256(MODEL.encode()).hexdigest()
        outcome = leases.Outcome(
            TrialState.COMPLETE, value=0.5, best_epoch=1, metrics={}, model_sha256=sha256
        )
        leases.finish(tx, lease, outcome)
        retraining_id = retrainings.add_retraining(tx, job_id, RetrainingRequest(repeats=1), {})
    table = settings.retraining_dir(job_id, retraining_id) / "class_error.csv"
    write_text(table, "repeat,a,b,mean\n")
    with database.write() as tx:
        digests = {table.name: sha256_of(table)}
        retrainings.end_retraining(tx, retraining_id, "completed", digests=digests)
        jobs.cancel_job(tx, job_id)
        tx.execute(update(jobs_table).values(run_id="of job"))
        tx.execute(update(trials_table).values(run_id="of trial"))
        tx.execute(update(outbox).values(mirrored=True))
    (settings.data_dir / "mlflow").mkdir()
    with closing(sqlite3.connect(settings.data_dir / "mlflow" / "mlflow.db")) as mlflow:
        mlflow.executescript(
            "CREATE TABLE runs (run_uuid); INSERT INTO runs VALUES ('of job'), ('of trial');"
            "CREATE TABLE tags (run_uuid, key, value);"
            f"INSERT INTO tags VALUES ('x', 'kerasearch.retraining', '{retraining_id}');"
        )
        mlflow.commit()
    return job_id


def _open(settings: Settings, database: Database, *, mend: bool = False) -> dict[str, str]:
    """What is broken, and after mending still is, by invariant."""
    examined = list(examine(settings, database, mend=mend))
    return {one.invariant: one.open[0].found for one in examined if one.open}


def test_what_the_service_left_breaks_nothing(
    settings: Settings, database: Database, job_id: str
) -> None:
    assert _open(settings, database) == {}


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_a_trial_without_its_model_says_so_and_keeps_its_value(
    settings: Settings, database: Database, job_id: str, damage: str
) -> None:
    model = settings.attempt_dir(job_id, 0, 1) / "model.keras"
    found = {"missing": "is missing", "altered": "isn't what was written"}[damage]
    if damage == "missing":
        model.unlink()
    else:
        model.write_text("damaged")
    assert _open(settings, database) == {"models": found}
    assert _open(settings, database, mend=True) == {}
    assert _open(settings, database) == {}
    with database.read() as tx:
        trial = trial_views.read_trial(tx, job_id, 0)
        job = jobs.read_job(tx, job_id)
    assert (trial.model_sha256, trial.value, trial.reason) == (None, 0.5, f"its model {found}")
    assert job.best is not None
    assert (job.best.number, job.best.value, job.best.model_sha256) == (0, 0.5, None)
    aside = settings.data_dir / SET_ASIDE / model.relative_to(settings.data_dir)
    assert aside.is_file() == (damage == "altered")


def test_a_model_of_an_earlier_attempt_is_the_trials_too(
    settings: Settings, database: Database, job_id: str
) -> None:
    with database.write() as tx:
        tx.execute(update(trials_table).values(attempt=2))
    assert "models" not in _open(settings, database)


def test_what_only_a_person_can_mend_stays_open_and_says_how(
    settings: Settings, database: Database, job_id: str
) -> None:
    (table,) = settings.job_dir(job_id).glob("retrainings/*/class_error.csv")
    table.write_text("better\n")
    assert _open(settings, database, mend=True) == {"artifacts": "isn't what was written"}


def test_files_that_were_never_finished_are_deleted(
    settings: Settings, database: Database, job_id: str
) -> None:
    halves = [
        settings.attempt_dir(job_id, 0, 1) / ".77.model.keras",
        settings.data_dir / ".77.kerasearch-0001.db",
        settings.data_dir / ".upload-x1" / "content",
    ]
    for half in halves:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.write_text("half")
    (settings.data_dir / ".keep").write_text("somebody's own")
    assert _open(settings, database) == {"left over": "was never finished"}
    assert _open(settings, database, mend=True) == {}
    assert not any(half.exists() for half in halves)
    assert (settings.data_dir / ".keep").exists()


def test_folders_that_belong_to_nothing_are_put_aside_and_not_deleted(
    settings: Settings, database: Database, job_id: str
) -> None:
    write_text(settings.attempt_dir("f00d", 0, 1) / "model.keras", "whose?")
    write_text(settings.datasets_dir / "beef" / "data.csv", "whose?")
    assert _open(settings, database) == {"orphans": "belongs to nothing"}
    assert _open(settings, database, mend=True) == {}
    assert _open(settings, database) == {}
    aside = settings.data_dir / SET_ASIDE
    assert (aside / "jobs" / "f00d" / "trials" / "0" / "1" / "model.keras").is_file()
    assert (aside / "datasets" / "beef" / "data.csv").is_file()


def test_what_a_lost_mlflow_showed_is_shown_again(
    settings: Settings, database: Database, job_id: str
) -> None:
    (settings.data_dir / "mlflow" / "mlflow.db").unlink()
    assert _open(settings, database) == {"mirror": "has no run in MLflow"}
    (mirror,) = [e for e in examine(settings, database, mend=True) if e.invariant == "mirror"]
    assert len(mirror.mended) == 3
    assert _open(settings, database) == {}


def _doctor(settings: Settings, *options: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--data-dir", str(settings.data_dir), *options])


def test_the_command_tells_and_mends_and_exits_by_what_is_left(
    settings: Settings, database: Database, job_id: str
) -> None:
    assert _doctor(settings, "--data").exit_code == 0
    (settings.attempt_dir(job_id, 0, 1) / "model.keras").unlink()
    told = _doctor(settings, "--data")
    assert told.exit_code == 1
    assert "kerasearch doctor --repair: its trial says so" in told.output
    mended = _doctor(settings, "--repair", "--json")
    assert mended.exit_code == 0
    states = {check["name"]: check["state"] for check in json.loads(mended.stdout)}
    assert states.pop("models") == "mended"
    assert set(states.values()) == {"ok"}


def test_what_is_served_is_looked_at_and_not_repaired(
    settings: Settings, database: Database, job_id: str
) -> None:
    writing = settings.attempt_dir(job_id, 0, 1) / ".77.model.keras"
    writing.write_text("half")
    with data_dir_lock(settings):
        assert _doctor(settings, "--data").exit_code == 0
        refused = _doctor(settings, "--repair")
    assert refused.exit_code == 1
    assert "is held by process" in refused.output
    assert writing.exists()


def test_a_folder_that_nobody_served_has_nothing_to_repair(settings: Settings) -> None:
    refused = _doctor(settings, "--repair")
    assert refused.exit_code == 1
    assert "nothing was ever served from it" in refused.output
    assert not settings.data_dir.exists()
