"""The connection to the database: what differs between engines is here and nowhere else."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from kerasearch.service.errors import CannotServe, Unavailable
from kerasearch.service.files import written_whole

MIGRATIONS = Path(__file__).parent / "migrations"

RETRY_S = 1.0

Transaction = Connection
"""For whoever passes one on without knowing SQLAlchemy."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Database:
    """Transactions on the service's tables. Not to be carried over a fork.

    Args:
        url: SQLAlchemy's.
        lock_wait_s: How long a transaction waits for another process that holds the lock.
    """

    def __init__(self, url: str, lock_wait_s: float = 30.0) -> None:
        self.engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if self.engine.dialect.name == "sqlite":
            _configure_sqlite(self.engine, lock_wait_s)
        self._writing = self.engine.execution_options(writing=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the right to write from its start: no other can come between.

        Raises:
            Unavailable: The database is locked, full, or not there; nothing was written.
        """
        with _unavailable(), self._writing.begin() as transaction:
            yield transaction

    def write_when_possible(self, change: Callable[[Connection], T]) -> T:
        """Make a change that can't be given up: wait for as long as the database can't be used."""
        while True:
            try:
                with self.write() as transaction:
                    return change(transaction)
            except Unavailable as error:
                log.warning("%s; trying again", error)
                time.sleep(RETRY_S)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout; raises Unavailable."""
        with _unavailable(), self.engine.begin() as transaction:
            yield transaction

    def migrate(self) -> None:
        """Bring the tables to this version's; creates them in an empty database.

        Raises:
            CannotServe: A newer version has changed the tables.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        script = ScriptDirectory.from_config(config)
        known = {revision.revision for revision in script.walk_revisions()}
        with self.write() as transaction:
            revision = MigrationContext.configure(transaction).get_current_revision()
            if revision is not None and revision not in known:
                raise CannotServe(
                    f"{self.engine.url.database} was written by a newer Kerasearch (its tables are "
                    f"at revision {revision}): install that one, or give another --data-dir"
                )
            if revision not in (None, script.get_current_head()):
                self._keep_aside(f"{revision}")
            config.attributes["connection"] = transaction
            command.upgrade(config, "head")

    def _keep_aside(self, revision: str) -> None:
        """Copy the database to a file beside it, which an older Kerasearch could go back to."""
        if self.engine.dialect.name != "sqlite":
            return  # a server's operator makes the copies
        database = Path(str(self.engine.url.database))
        with written_whole(database.with_name(f"{database.stem}-{revision}.db")) as copy:
            copy_sqlite(database, copy)

    def close(self) -> None:
        self.engine.dispose()


def copy_sqlite(database: Path, copy: Path) -> None:
    """The database as it is now, while others write to it."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def now() -> float:
    return time.time()


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_ERROR:
            raise  # the statement is wrong, and will be
        raise Unavailable(f"the database can't be used now: {error.orig}") from error


def _configure_sqlite(engine: Engine, lock_wait_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # an accepted job survives a power cut
            f"busy_timeout={lock_wait_s * 1000:.0f}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A deferred transaction that writes late fails at once with "locked", whatever the timeout.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
