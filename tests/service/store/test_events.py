"""What happened is told in order, once it is certain, and can be read on from anywhere."""

import pytest

from kerasearch.service.store import events, jobs
from kerasearch.service.store.database import Database
from kerasearch.service.testing import accept


def _append(database: Database, job_id: str, *numbers: int) -> None:
    with database.write() as tx:
        for number in numbers:
            events.append(tx, job_id, "report", {"epoch": number}, number)


def test_events_of_a_job_are_read_on_from_the_last_one_seen(database: Database) -> None:
    job_id, other = accept(database), accept(database)
    _append(database, job_id, 1, 2)
    _append(database, other, 9)
    _append(database, job_id, 3)
    with database.read() as tx:
        told = events.events_after(tx, job_id, 0)
        for index, event in enumerate(told):
            assert events.events_after(tx, job_id, event.id) == told[index + 1 :]
        assert events.events_after(tx, job_id, 0, limit=2) == told[:2]
        assert events.latest(tx) == told[-1].id
        (accepted, _) = events.events_after(tx, other, 0)
        assert events.news(tx, accepted.id - 1) == (told[-1].id, True)
        assert events.news(tx, accepted.id) == (told[-1].id, False)
        assert events.news(tx, told[-1].id) == (told[-1].id, False)
    assert [event.id for event in told] == sorted(event.id for event in told)
    assert [event.data.get("epoch") for event in told] == [None, 1, 2, 3]
    assert [event.subject for event in told] == [None, "1", "2", "3"]


def test_an_event_of_a_change_that_failed_was_never_told(database: Database) -> None:
    job_id = accept(database)

    def fail_after_starting() -> None:
        with database.write() as tx:
            jobs.start_job(tx, job_id)
            assert len(events.events_after(tx, job_id, 0)) == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_starting()
    with database.read() as tx:
        assert [event.data["state"] for event in events.events_after(tx, job_id, 0)] == ["queued"]


def test_nothing_has_happened_in_a_new_database(database: Database) -> None:
    with database.read() as tx:
        assert events.latest(tx) == 0
        assert events.to_mirror(tx) == []


def test_what_is_mirrored_is_not_mirrored_again_and_still_told(database: Database) -> None:
    job_id = accept(database)
    _append(database, job_id, 1, 2)
    with database.write() as tx:
        first, second, third = events.to_mirror(tx)
        assert events.to_mirror(tx, limit=2) == [first, second]
        events.mark_mirrored(tx, [first.id, third.id])
        assert events.to_mirror(tx) == [second]
        assert len(events.events_after(tx, job_id, 0)) == 3
