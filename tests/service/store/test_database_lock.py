"""A PostgreSQL database is served by one service, also over its restarts."""

import pytest

from kerasearch.service.errors import CannotServe, Unavailable
from kerasearch.service.own_postgresql import OwnPostgreSQL
from kerasearch.service.store import database_lock
from kerasearch.service.store.database_lock import DatabaseLock


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_lock, "LETTING_GO_S", 0.2)


def test_the_second_is_refused_and_told_who_has_it(postgresql: OwnPostgreSQL) -> None:
    first = DatabaseLock(postgresql.url(), "process 7 on alpha, which serves http://a:1")
    second = DatabaseLock(postgresql.url(), "process 8")
    first.keep()
    first.keep()
    with pytest.raises(CannotServe, match="postgres is held by process 7 on alpha, which serves"):
        second.keep()
    first.release()
    second.keep()
    second.release()


def test_it_is_taken_again_after_the_server_has_restarted(postgresql: OwnPostgreSQL) -> None:
    first = DatabaseLock(postgresql.url(), "first")
    second = DatabaseLock(postgresql.url(), "second")
    first.keep()
    postgresql.stop()
    with pytest.raises(Unavailable):
        first.keep()
    with pytest.raises(Unavailable):
        first.keep()
    postgresql.start()
    first.keep()
    with pytest.raises(CannotServe, match="held by first"):
        second.keep()
    first.release()


def test_who_was_too_late_to_take_it_again_has_to_stop(postgresql: OwnPostgreSQL) -> None:
    first = DatabaseLock(postgresql.url(), "first")
    second = DatabaseLock(postgresql.url(), "second")
    first.keep()
    postgresql.stop()
    postgresql.start()
    second.keep()
    with pytest.raises(Unavailable):
        first.keep()
    with pytest.raises(CannotServe, match="held by second"):
        first.keep()
    second.release()
