"""A backup is made while others write, and what is restored from it is whole."""

import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kerasearch.service.backup import back_up, restore
from kerasearch.service.cli import app
from kerasearch.service.errors import Conflict
from kerasearch.service.files import listing, write_text
from kerasearch.service.settings import Settings
from kerasearch.service.store import events, jobs
from kerasearch.service.store.database import Database
from kerasearch.service.testing import accept, new_database


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    database = new_database(data_dir)
    yield database
    database.close()


def test_what_is_restored_is_what_was_there(
    database: Database, data_dir: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=data_dir)
    job_id = accept(database)
    write_text(settings.attempt_dir(job_id, 0, 1) / "model.keras", "a model")
    write_text(data_dir / "datasets" / "1f" / "data.csv", "x\n1\n")
    write_text(data_dir / "run" / "mirror.json", "worthless")
    half = settings.attempt_dir(job_id, 0, 1) / ".77.curves.png"
    half.write_text("half a file")
    back_up(Settings(data_dir=data_dir), tmp_path / "all.tar")
    assert listing(tmp_path) == ["all.tar"]

    other = Settings(data_dir=tmp_path / "new" / "place")
    restore(tmp_path / "all.tar", other)
    assert listing(other.attempt_dir(job_id, 0, 1)) == ["model.keras"]
    assert (other.data_dir / "datasets" / "1f" / "data.csv").read_text() == "x\n1\n"
    assert not (other.data_dir / "run").exists()
    restored = Database(other.database_url)
    restored.migrate()
    with restored.read() as tx:
        assert jobs.read_job(tx, job_id).name
    restored.close()


def test_a_backup_holds_one_state_while_others_write(
    database: Database, data_dir: Path, tmp_path: Path
) -> None:
    """Each transaction adds two events."""
    job_id = accept(database)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            with database.write() as tx:
                events.append(tx, job_id, "job", {})
                events.append(tx, job_id, "job", {})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(Settings(data_dir=data_dir), tmp_path / "all.tar")
    finally:
        ended.set()
        writer.join()
    new = Settings(data_dir=tmp_path / "new")
    restore(tmp_path / "all.tar", new)
    restored = Database(new.database_url)
    with restored.read() as tx:
        assert len(events.events_after(tx, job_id, 0, 10**6)) % 2 == 1
    restored.close()


def test_a_folder_that_is_there_is_not_overwritten(
    database: Database, data_dir: Path, tmp_path: Path
) -> None:
    back_up(Settings(data_dir=data_dir), tmp_path / "all.tar")
    with pytest.raises(Conflict, match="is there already"):
        restore(tmp_path / "all.tar", Settings(data_dir=data_dir))


def test_a_folder_that_is_not_served_is_refused_with_what_to_say(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match=r"holds no kerasearch.db: say --data-dir DIR"):
        back_up(Settings(data_dir=tmp_path / "other"), tmp_path / "all.tar")


@pytest.mark.parametrize("content", [b"", b"no tar file", None], ids=["empty", "text", "half"])
def test_what_is_no_whole_backup_is_refused_and_leaves_nothing(
    database: Database, data_dir: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "all.tar"
    back_up(Settings(data_dir=data_dir), file)
    file.write_bytes(file.read_bytes()[:20_000] if content is None else content)
    with pytest.raises(Conflict, match="is no backup") as refused:
        restore(file, Settings(data_dir=tmp_path / "new"))
    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.tar", "data"]


def test_a_database_that_is_elsewhere_is_refused_with_what_to_do(
    data_dir: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=data_dir, database_url="postgresql://host/database")
    with pytest.raises(Conflict, match=r"on PostgreSQL .* pg_dump, and then copy .*data"):
        back_up(settings, tmp_path / "all.tar")
    with pytest.raises(Conflict, match="pg_restore"):
        restore(tmp_path / "all.tar", settings)


def test_nothing_lands_outside_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("evil")
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(tmp_path / "evil", "../outside")
    with pytest.raises(Conflict, match="is no backup"):
        restore(tmp_path / "all.tar", Settings(data_dir=tmp_path / "new"))
    assert not (tmp_path / "outside").exists()


def test_the_commands_do_it_and_say_where(
    database: Database, data_dir: Path, tmp_path: Path
) -> None:
    file, new = str(tmp_path / "all.tar"), str(tmp_path / "new")
    done = CliRunner().invoke(app, ["backup", file, "--data-dir", str(data_dir)])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["restore", file, "--data-dir", new])
    assert f"kerasearch serve --data-dir {new}" in done.output
    again = CliRunner().invoke(app, ["restore", file, "--data-dir", new])
    assert again.exit_code == 1
    nothing = CliRunner().invoke(app, ["backup", file, "--data-dir", str(tmp_path / "nowhere")])
    assert nothing.exit_code == 1
