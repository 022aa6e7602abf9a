"""The connection to the database: what differs between engines is here and nowhere else."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, Float, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement

from kerasearch.service.errors import CannotServe, Unavailable
from kerasearch.service.files import written_whole

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parent / "migrations"

RETRY_S = 1.0

WRITERS = 0x4B45_5241
"""PostgreSQL's advisory lock of whoever writes."""

SILENT_S = 60
"""After which PostgreSQL ends a transaction whose process stands still, or machine is gone."""

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
        self._lock_wait_s = lock_wait_s
        self._writer = Lock()
        try:
            self.engine = create_engine(url, **_options(url, lock_wait_s))
        except ArgumentError:
            raise CannotServe(
                "KERASEARCH_DATABASE_URL isn't of the form postgresql://user:password@host/database"
            ) from None
        except ModuleNotFoundError as error:
            raise CannotServe(
                f"PostgreSQL needs {error.name}: pip install 'kerasearch[postgres]'"
            ) from None
        if self.is_sqlite:
            _configure_sqlite(self.engine, lock_wait_s)
            self._reading: Engine = self.engine
            self._writing: Engine = self.engine.execution_options(writing=True)
        else:
            self._reading = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._writing = self.engine

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the right to write from its start: no other can come between.

        So what is read in it stays true, and the outbox's ids come in the order of their commits:
        a reader who goes on after the last id that it saw misses nothing.

        Raises:
            Unavailable: The database is locked, full, or not there; nothing was written.
        """
        with _unavailable(), self._turn(), self._writing.begin() as transaction:
            if not self.is_sqlite:
                transaction.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")
            yield transaction

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread of this process after the other: who waits on SQLite itself may starve."""
        if not self._writer.acquire(timeout=self._lock_wait_s):
            raise Unavailable("the database can't be used now: too many wait to write to it")
        try:
            yield
        finally:
            self._writer.release()

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
        with _unavailable(), self._reading.begin() as transaction:
            yield transaction

    def migrate(self) -> None:
        """Bring the tables to this version's; creates them in an empty database.

        Raises:
            CannotServe: A newer version has changed the tables.
        """
        from alembic import command  # which only the supervisor needs, and which takes 0.2 s
        from alembic.migration import MigrationContext

        config, script = _migrations()
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

    def is_migrated(self) -> bool:
        """Whether the tables are this version's; raises Unavailable."""
        from alembic.migration import MigrationContext

        with self.read() as transaction:
            revision = MigrationContext.configure(transaction).get_current_revision()
        return revision == _migrations()[1].get_current_head()

    def _keep_aside(self, revision: str) -> None:
        """Copy the database to a file beside it, which an older Kerasearch could go back to."""
        if not self.is_sqlite:
            return  # a server's operator makes the copies
        database = Path(str(self.engine.url.database))
        with written_whole(database.with_name(f"{database.stem}-{revision}.db")) as copy:
            copy_sqlite(database, copy)

    def close(self) -> None:
        self.engine.dispose()


def _migrations() -> "tuple[Config, ScriptDirectory]":
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config, ScriptDirectory.from_config(config)


def copy_sqlite(database: Path, copy: Path) -> None:
    """The database as it is now, while others write to it."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


class now(FunctionElement[float]):  # noqa: N801 - a function of SQL
    """Seconds since the epoch by the database's clock, the one that all machines share."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _(_element: object, _compiler: object, **_: Any) -> str:  # Any: SQLAlchemy's
    return "(julianday('now') - 2440587.5) * 86400.0"


@compiles(now, "postgresql")
def _(_element: object, _compiler: object, **_: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::float"


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("the database can't be used now: too many use it") from error
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        waiting_helps = isinstance(error, OperationalError) and code != sqlite3.SQLITE_ERROR
        if not (waiting_helps or error.connection_invalidated):
            raise  # the statement is wrong, and will be
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unavailable(f"the database can't be used now: {reason}") from error


def _options(url: str, lock_wait_s: float) -> dict[str, Any]:  # Any: create_engine's arguments
    if url.startswith("sqlite"):
        return {}
    # A connection is looked at first: else the first use after the server's restart fails.
    return {"pool_pre_ping": True, "connect_args": connect_arguments(lock_wait_s)}


def connect_arguments(lock_wait_s: float) -> dict[str, object]:
    """What psycopg is told of every connection to PostgreSQL."""
    settings = {
        "lock_timeout": f"{lock_wait_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{SILENT_S * 1000}",
        "tcp_keepalives_idle": f"{SILENT_S // 2}",
        "tcp_keepalives_interval": f"{SILENT_S // 6}",
        "tcp_keepalives_count": "3",
    }
    return {
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        "connect_timeout": 3,
        "tcp_user_timeout": SILENT_S * 1000,
    }


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
