"""The tables are migrated to, and concurrent writers wait for each other."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, inspect, select

from kerasearch.service.store import events
from kerasearch.service.store.database import Database
from kerasearch.service.store.tables import datasets, metadata, outbox
from kerasearch.service.testing import accept


def _differences(database: Database) -> list[object]:
    with database.read() as tx:
        return list(compare_metadata(MigrationContext.configure(tx), metadata))


def test_migrating_gives_exactly_the_tables_that_the_code_declares(database: Database) -> None:
    assert _differences(database) == []
    assert set(inspect(database.engine).get_table_names()) == {*metadata.tables, "alembic_version"}


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
    with database.write() as tx, pytest.raises(Exception, match="FOREIGN KEY"):
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


def test_processes_that_write_at_once_lose_nothing(database: Database, tmp_path: Path) -> None:
    job_id = accept(database)
    url = f"sqlite:///{tmp_path / 'kerasearch.db'}"
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
