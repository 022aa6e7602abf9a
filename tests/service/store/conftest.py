from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from kerasearch.service.own_postgresql import OwnPostgreSQL
from kerasearch.service.store.database import Database
from kerasearch.service.store.tables import metadata
from kerasearch.service.testing import new_database

EMPTY = f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY CASCADE"


@pytest.fixture(scope="session")
def postgresql_tables(postgresql: OwnPostgreSQL) -> Iterator[Database]:
    """A database with the service's tables, for one test after the other: each costs 0.5 s."""
    database = _new_database(postgresql, "tables")
    yield database
    database.close()


@pytest.fixture
def postgresql_database(postgresql_tables: Database) -> Database:
    """A PostgreSQL database with the service's tables and nothing in them."""
    with postgresql_tables.write() as tx:
        tx.exec_driver_sql(EMPTY)
    return postgresql_tables


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Both kinds of database, one after the other: what holds on one has to hold on the other."""
    database = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(database, Database)
    return database


@pytest.fixture(params=["sqlite", "postgresql"])
def old_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Like `database`, for a test that changes its tables."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_database")
        return
    database = _new_database(request.getfixturevalue("postgresql"), "old")
    yield database
    database.close()
    _administer(request.getfixturevalue("postgresql"), "DROP DATABASE old")


def _new_database(server: OwnPostgreSQL, name: str) -> Database:
    _administer(server, f"CREATE DATABASE {name}")
    database = Database(server.url(name))
    database.migrate()
    return database


def _administer(server: OwnPostgreSQL, statement: str) -> None:
    engine = create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
