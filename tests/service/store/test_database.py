"""The tables are migrated to, concurrent writers wait for each other, and trouble is named.

All of it on SQLite and on PostgreSQL; some of it is one's alone.
"""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from kerasearch.service.errors import CannotServe, Unavailable
from kerasearch.service.own_postgresql import OwnPostgreSQL
from kerasearch.service.store import database as database_module
from kerasearch.service.store import events
from kerasearch.service.store.database import Database
from kerasearch.service.store.tables import datasets, jobs, metadata, outbox
from kerasearch.service.testing import accept

PRAGMAS = ("journal_mode", "synchronous")


def _differences(database: Database) -> list[object]:
    """But for comments, which nobody but a reader of the code needs."""
    with database.read() as tx:
        found = compare_metadata(MigrationContext.configure(tx), metadata)
    return [difference for difference in found if "comment" not in str(difference)[:30]]


def test_migrating_gives_exactly_the_tables_that_the_code_declares(database: Database) -> None:
    assert _differences(database) == []
    assert set(inspect(database.engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_what_was_committed_to_sqlite_survives_a_power_cut(tmp_path: Path) -> None:
    """As SQLite promises of these settings (sqlite.org/pragma.html#pragma_synchronous)."""
    database = Database(f"sqlite:///{tmp_path / 'kerasearch.db'}")
    database.migrate()
    for transaction in (database.read, database.write):
        with transaction() as tx:
            found = [tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS]
        assert found == ["wal", 2]
    database.close()


def test_migrating_again_changes_nothing(database: Database) -> None:
    job_id = accept(database)
    database.migrate()
    assert _differences(database) == []
    with database.read() as tx:
        assert [event.job_id for event in events.to_mirror(tx)] == [job_id]


def test_what_fails_in_a_transaction_leaves_nothing(database: Database) -> None:
    job_id = accept(database)

    def fail_after_writing() -> None:
        with database.write() as tx:
            events.append(tx, job_id, "job", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    with database.read() as tx:
        assert len(events.events_after(tx, job_id, 0)) == 1


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    job_id = accept(database)
    with database.read() as reading:
        before = events.latest(reading)
        with database.write() as tx:
            events.append(tx, job_id, "job", {})
        assert events.latest(reading) == before
    with database.read() as reading:
        assert events.latest(reading) == before + 1


def test_a_row_without_what_it_belongs_to_is_refused(database: Database) -> None:
    with database.write() as tx, pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        events.append(tx, "no-such-job", "job", {})


def test_threads_that_read_and_then_write_lose_nothing(database: Database) -> None:
    """Each adds one to a number that it has read: a lost update would show."""
    with database.write() as tx:
        row = {"id": "x", "name": "x", "filename": "x", "created_at": 0}
        tx.execute(insert(datasets).values(**row, info=0))

    def count_up() -> None:
        for _ in range(10):
            with database.write() as tx:
                count = tx.execute(select(datasets.c.info)).scalar_one()
                tx.execute(datasets.update().values(info=count + 1))

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        assert tx.execute(select(datasets.c.info)).scalar_one() == 80


WRITER = """
import sys
from kerasearch.service.store import events
from kerasearch.service.store.database import Database

database = Database(sys.argv[1])
for number in range(25):
    with database.write() as tx:
        events.append(tx, sys.argv[2], "job", {"writer": sys.argv[3], "number": number})
"""


def test_processes_that_write_at_once_lose_nothing(database: Database) -> None:
    job_id = accept(database)
    url = str(database.engine.url)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, job_id, str(writer)])
        for writer in range(2)
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    with database.read() as tx:
        assert tx.execute(select(func.count()).select_from(outbox)).scalar_one() == 1 + 50
        told = [event.data for event in events.events_after(tx, job_id, 1)]
    for writer in range(2):
        numbers = [data["number"] for data in told if data["writer"] == str(writer)]
        assert numbers == list(range(25))


@contextmanager
def _locked_by_another(database: Database) -> Iterator[None]:
    """As by a process that writes, and takes long to."""
    other = Database(str(database.engine.url))
    with other.write():
        yield
    other.close()


def test_a_database_that_another_process_locks_is_unavailable_to_writers_alone(
    database: Database,
) -> None:
    job_id = accept(database)
    impatient = Database(str(database.engine.url), lock_wait_s=0.05)
    with _locked_by_another(database):
        with pytest.raises(Unavailable, match=r"is locked|lock timeout"), impatient.write():
            pass
        with impatient.read() as tx:
            assert [event.job_id for event in events.to_mirror(tx)] == [job_id]
    with impatient.write() as tx:
        events.append(tx, job_id, "job", {})
    impatient.close()


def _fill_up(tx: Connection) -> None:
    """Have SQLite behave as on a disk without room: the file may not grow."""
    tx.exec_driver_sql(f"PRAGMA max_page_count={tx.exec_driver_sql('PRAGMA page_count').scalar()}")


def test_what_a_full_disk_refuses_is_unavailable_and_leaves_nothing(
    sqlite_database: Database,
) -> None:
    database, job_id = sqlite_database, accept(sqlite_database)

    def write_much() -> None:
        with database.write() as tx:
            _fill_up(tx)
            for number in range(1000):
                events.append(tx, job_id, "job", {"number": number, "long": "x" * 1000})

    with pytest.raises(Unavailable, match="full"):
        write_much()
    with database.read() as tx:
        assert len(events.events_after(tx, job_id, 0)) == 1


def test_a_wrong_statement_is_no_matter_of_waiting(database: Database) -> None:
    with database.read() as tx, pytest.raises(DBAPIError, match=r"no such table|does not exist"):
        tx.exec_driver_sql("SELECT * FROM nowhere")


def test_a_change_that_cannot_be_given_up_waits_for_the_lock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = accept(database)
    impatient = Database(str(database.engine.url), lock_wait_s=0.01)
    waits = []
    with ExitStack() as stack:
        stack.enter_context(_locked_by_another(database))

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                stack.close()

        monkeypatch.setattr(database_module.time, "sleep", sleep)
        impatient.write_when_possible(lambda tx: events.append(tx, job_id, "job", {}))
    assert waits == [database_module.RETRY_S] * 3
    with impatient.read() as tx:
        assert len(events.events_after(tx, job_id, 0)) == 2
    impatient.close()


def test_threads_of_a_process_write_one_after_the_other_and_not_for_ever(
    database: Database,
) -> None:
    impatient = Database(str(database.engine.url), lock_wait_s=0.05)
    refused = []

    def write() -> None:
        with pytest.raises(Unavailable, match="too many wait to write") as refusal:
            accept(impatient)
        refused.append(refusal)

    with impatient.write():
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert refused
    accept(impatient)
    impatient.close()


def test_a_server_that_restarts_is_unavailable_until_it_is_up(
    postgresql: OwnPostgreSQL, postgresql_database: Database
) -> None:
    """Also to who was in the middle of a transaction, of which nothing is left."""
    database = postgresql_database
    job_id = accept(database)

    def be_interrupted(change: Callable[[], None]) -> None:
        with database.write() as tx:
            events.append(tx, job_id, "job", {})
            change()
            events.append(tx, job_id, "job", {})

    with pytest.raises(Unavailable, match="the database can't be used now"):
        be_interrupted(postgresql.kill)
    with pytest.raises(Unavailable, match="the database can't be used now"):
        accept(database)
    postgresql.start()
    with pytest.raises(Unavailable, match="the database can't be used now"):
        be_interrupted(lambda: (postgresql.stop(), postgresql.start()))
    with database.read() as tx:
        assert len(events.events_after(tx, job_id, 0)) == 1


def test_a_writer_that_stands_still_holds_up_the_others_for_a_limited_time(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "SILENT_S", 1)
    suspended = Database(str(postgresql_database.engine.url))

    def stand_still() -> None:
        with suspended.write():
            accept(postgresql_database)

    with pytest.raises(Unavailable, match="idle-in-transaction timeout"):
        stand_still()
    with postgresql_database.read() as tx:
        assert len(events.to_mirror(tx)) == 1
    suspended.close()


def test_events_come_in_the_order_of_their_commits(postgresql_database: Database) -> None:
    """Whoever reads on after the last id that it saw has missed none that was given out before."""
    database = postgresql_database
    job_id = accept(database)
    seen: list[int] = []
    done = threading.Event()

    def write() -> None:
        for _ in range(30):
            with database.write() as tx:
                events.append(tx, job_id, "job", {})

    def follow() -> None:
        while not done.is_set():
            with database.read() as tx:
                new = events.events_after(tx, job_id, seen[-1] if seen else 0)
            seen.extend(event.id for event in new)

    follower = threading.Thread(target=follow)
    follower.start()
    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with database.read() as tx:
        every = [event.id for event in events.events_after(tx, job_id, 0)]
    done.set()
    follower.join()
    assert len(every) == 1 + 4 * 30
    assert seen == every[: len(seen)]


def test_a_driver_that_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CannotServe, match=r"pip install 'kerasearch\[postgres\]'"):
        Database("postgresql+psycopg://host/database")


NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.add_column("jobs", sa.Column("mood", sa.String()))
    {fails}
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes the code that of a later version with one more revision; gives the head before it."""

    def next_version(fails: str = "") -> str:
        config = Config()
        config.set_main_option("script_location", str(database_module.MIGRATIONS))
        head = ScriptDirectory.from_config(config).get_current_head()
        assert head is not None
        later = tmp_path / "later"
        shutil.copytree(database_module.MIGRATIONS, later)
        revision = NEXT_REVISION.format(head=head, fails=fails)
        (later / "versions" / "r9999_mood.py").write_text(revision)
        monkeypatch.setattr(database_module, "MIGRATIONS", later)
        return head

    return next_version


def _columns(database: Database) -> set[str]:
    return {column["name"] for column in inspect(database.engine).get_columns("jobs")}


def test_an_upgrade_keeps_a_copy_of_the_database_as_it_was(
    sqlite_database: Database, tmp_path: Path, next_version: Callable[[], str]
) -> None:
    database = sqlite_database
    job_id = accept(database)
    head = next_version()
    database.migrate()
    assert "mood" in _columns(database)
    copy = tmp_path / f"kerasearch-{head}.db"
    as_it_was = Database(f"sqlite:///{copy}")
    assert "mood" not in _columns(as_it_was)
    as_it_was.close()
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM jobs").fetchall() == [(job_id,)]
    copy.unlink()
    database.migrate()
    assert not copy.exists(), "nothing was upgraded"


def test_an_upgrade_that_fails_changes_nothing(
    old_database: Database, next_version: Callable[[str], str]
) -> None:
    database = old_database
    next_version("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        database.migrate()
    assert "mood" not in _columns(database)
    accept(database)


def test_a_database_of_a_newer_version_is_refused_in_a_sentence(
    old_database: Database, next_version: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = old_database
    ours = database_module.MIGRATIONS
    next_version()
    database.migrate()
    monkeypatch.setattr(database_module, "MIGRATIONS", ours)
    with pytest.raises(CannotServe, match=r"newer Kerasearch .* revision 9999.*: install that one"):
        database.migrate()


def test_a_database_of_the_first_version_keeps_the_time_that_its_jobs_took(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    columns = "id, name, state, request, dataset_id, body_sha256, created_at, started_at, ended_at"
    with database.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        for row in (
            "'done', '', 'completed', '{}', '', '', 1, 2, 7",
            "'runs', '', 'running', '{}', '', '', 1, 3, NULL",
            "'waits', '', 'queued', '{}', '', '', 1, NULL, NULL",
        ):
            tx.exec_driver_sql(f"INSERT INTO jobs ({columns}) VALUES ({row})")
        told = "INSERT INTO outbox (job_id, kind, data, at) VALUES ('runs', 'job', '{}', 9)"
        tx.exec_driver_sql(told)
    database.migrate()
    with database.read() as tx:
        rows = tx.execute(select(jobs.c.id, jobs.c.elapsed_s)).all()
    assert sorted(rows) == [("done", 5), ("runs", 6), ("waits", 0)]
    database.close()
