"""The connection to the database: what differs between engines is here and nowhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Transactions on the service's tables. Not to be carried over a fork."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if self.engine.dialect.name == "sqlite":
            _configure_sqlite(self.engine)
        self._writing = self.engine.execution_options(writing=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the right to write from its start: it can't fail late."""
        with self._writing.begin() as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout."""
        with self.engine.begin() as transaction:
            yield transaction

    def migrate(self) -> None:
        """Bring the tables to this version's; creates them in an empty database."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.write() as transaction:
            config.attributes["connection"] = transaction
            command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def now() -> float:
    return time.time()


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # an accepted job survives a power cut
            "busy_timeout=30000",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A deferred transaction that writes late fails at once with "locked", whatever the timeout.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
