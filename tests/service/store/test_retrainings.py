"""A retraining is its row and its repeats, which are trials of their own."""

import pytest

from kerasearch.service.errors import LeaseLost, NotFound
from kerasearch.service.store import events, jobs, leases, retrainings, trial_views, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease
from kerasearch.service.testing import accept, complete
from kerasearch.service.trials import RetrainingRequest, TrialState

REQUEST = RetrainingRequest(repeats=3, seed=10)


@pytest.fixture
def job_id(database: Database) -> str:
    return accept(database)


def _add(database: Database, job_id: str) -> str:
    with database.write() as tx:
        return retrainings.add_retraining(tx, job_id, REQUEST, {"layers": 1})


def _place_first(database: Database) -> Lease:
    with database.write() as tx:
        lease = leases.place(tx, trials.unended_rows(tx)[0].id)
    assert lease is not None
    return lease


def test_its_repeats_are_queued_with_seeds_of_their_own(database: Database, job_id: str) -> None:
    retraining_id = _add(database, job_id)
    with database.read() as tx:
        retraining = retrainings.read_retraining(tx, retraining_id)
        rows = trials.unended_rows(tx)
        assert retrainings.running_retrainings(tx) == [retraining_id]
        assert trials.rows_of_job(tx, job_id) == []
        assert trial_views.list_trials(tx, job_id, None, None, None) == []
    assert retraining.state == "running"
    assert retraining.request == REQUEST
    assert retraining.params == {"layers": 1}
    assert [repeat.seed for repeat in retraining.repeats] == [10, 11, 12]
    assert [row.retraining_id for row in rows] == [retraining_id] * 3


def test_two_retrainings_and_a_search_of_a_job_number_their_trials_each(
    database: Database, job_id: str
) -> None:
    ids = [_add(database, job_id) for _ in range(2)]
    with database.write() as tx:
        trials.add_trial(tx, job_id, 0, {}, 0)
        numbers = [[row.number for row in trials.repeats_of(tx, one)] for one in ids]
    assert numbers == [[0, 1, 2], [0, 1, 2]]


def test_a_repeat_shows_how_far_it_is(database: Database, job_id: str) -> None:
    retraining_id = _add(database, job_id)
    lease = _place_first(database)
    with database.write() as tx:
        assert leases.begin(tx, lease, 1, "cpu").retraining_id == retraining_id
        leases.report(tx, lease, {1: {"loss": 2.0}, 2: {"loss": 1.0}})
        first, second, _ = retrainings.read_retraining(tx, retraining_id).repeats
    assert (first.state, first.epochs_done) == (TrialState.RUNNING, 2)
    assert (second.state, second.epochs_done) == (TrialState.QUEUED, 0)
    with database.write() as tx:
        leases.finish(tx, lease, complete(0.5))
        first, *_ = retrainings.read_retraining(tx, retraining_id).repeats
    assert (first.state, first.best_epoch) == (TrialState.COMPLETE, 1)
    assert first.metrics == {"val_accuracy": 0.5}


def test_it_ends_once_with_its_report(database: Database, job_id: str) -> None:
    retraining_id = _add(database, job_id)
    with database.write() as tx:
        retrainings.end_retraining(tx, retraining_id, "completed", None, {"classes": ["a"]})
        retrainings.end_retraining(tx, retraining_id, "failed", "too late")
        retraining = retrainings.read_retraining(tx, retraining_id)
        assert retrainings.running_retrainings(tx) == []
        told = [e.data for e in events.events_after(tx, job_id, 0) if e.kind == "retraining"]
    assert (retraining.state, retraining.reason) == ("completed", None)
    assert retraining.report == {"classes": ["a"]}
    assert retraining.ended_at is not None
    assert [data["state"] for data in told] == ["running", "completed"]


def test_it_is_cancelled_with_its_job_and_that_is_told(database: Database, job_id: str) -> None:
    retraining_id = _add(database, job_id)
    lease = _place_first(database)
    with database.write() as tx:
        jobs.cancel_job(tx, job_id)
        retraining = retrainings.read_retraining(tx, retraining_id)
        assert trials.unended_rows(tx) == []
        told = [e for e in events.events_after(tx, job_id, 0) if e.kind == "retraining"]
        with pytest.raises(LeaseLost):
            leases.beat(tx, lease)
    assert retraining.state == "cancelled"
    assert {repeat.state for repeat in retraining.repeats} == {TrialState.CANCELLED}
    assert [event.data["state"] for event in told] == ["running", "cancelled"]
    assert told[-1].subject == retraining_id


def test_an_unknown_one_is_not_found(database: Database) -> None:
    with database.read() as tx, pytest.raises(NotFound, match="no retraining 'x'"):
        retrainings.read_retraining(tx, "x")
