"""One service a PostgreSQL database: two on two data folders would run each other's trials.

On SQLite the lock of the data folder says the same, since the database is in it.
"""

import time

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from kerasearch.service.errors import CannotServe, Unavailable
from kerasearch.service.store.database import connect_arguments

SERVICE = 0x4B45_5253
"""PostgreSQL's advisory lock of whoever serves a database."""

LETTING_GO_S = 3.0
"""Until PostgreSQL has found out that a killed service is gone."""

_HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND objid = :service AND datname = current_database()"
)


class DatabaseLock:
    """The right to serve a database, held by a connection of its own.

    Args:
        url: Of a PostgreSQL database.
        holder: What another service is told; PostgreSQL keeps 63 bytes of it.
    """

    def __init__(self, url: str, holder: str) -> None:
        arguments = connect_arguments(LETTING_GO_S) | {"application_name": holder}
        self._engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments
        )
        self._connection: Connection | None = None

    def keep(self) -> None:
        """Take it, or take it again after the server has restarted.

        Raises:
            CannotServe: Another service has it.
            Unavailable: The server can't be reached.
        """
        try:
            if self._connection is not None:
                self._connection.exec_driver_sql("SELECT 1")
            else:
                self._connection = self._take()
        except DBAPIError as error:
            self.release()
            raise Unavailable(f"the database can't be used now: {error.orig}") from error

    def _take(self) -> Connection:
        connection = self._engine.connect()
        deadline = time.monotonic() + LETTING_GO_S
        while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({SERVICE})").scalar():
            if time.monotonic() > deadline:
                holder = connection.execute(_HOLDER, {"service": SERVICE}).scalar()
                connection.close()
                raise CannotServe(
                    f"the database {self._engine.url.database} is held by "
                    f"{holder or 'another service'}; stop that service or give another "
                    "KERASEARCH_DATABASE_URL"
                )
            time.sleep(0.1)
        return connection

    def release(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
