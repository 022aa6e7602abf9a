"""Each invariant of the tables: broken by hand, it is seen, mended, and seen no more."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, select, update

from kerasearch.service.store import invariants, jobs, leases, retrainings, trial_views, trials
from kerasearch.service.store.database import Database, now
from kerasearch.service.store.invariants import Breach
from kerasearch.service.store.mirrored import what_ended_is_mirrored
from kerasearch.service.store.tables import attempts, outbox
from kerasearch.service.store.tables import jobs as jobs_table
from kerasearch.service.store.tables import retrainings as retrainings_table
from kerasearch.service.store.tables import trials as table
from kerasearch.service.testing import accept, complete, place
from kerasearch.service.trials import RetrainingRequest, Trial, TrialState

RUNS = {"run of job", "run of 0", "run of 1"}


@pytest.fixture
def job_id(database: Database) -> str:
    """A job with two complete trials, a running and a queued one, all mirrored that has ended."""
    job_id = accept(database)
    with database.write() as tx:
        jobs.start_job(tx, job_id)
    for number, value in enumerate((0.5, 0.9)):
        lease = place(database, job_id, {"layers": number}, number)
        with database.write() as tx:
            leases.finish(tx, lease, complete(value))
    place(database, job_id, {"layers": 2}, 2)
    with database.write() as tx:
        trials.add_trial(tx, job_id, 3, {"layers": 3}, 0)
        tx.execute(
            update(table).values(run_id="run of " + table.c.number.cast(table.c.run_id.type))
        )
        tx.execute(update(jobs_table).values(run_id="run of job"))
        tx.execute(update(outbox).values(mirrored=True))
    return job_id


def _breaches(database: Database) -> list[Breach]:
    with database.read() as tx:
        return [
            *invariants.trials_are_in_one_state(tx),
            *invariants.attempts_agree_with_their_trials(tx),
            *invariants.jobs_agree_with_their_trials(tx),
            *what_ended_is_mirrored(tx, RUNS, {"mirrored"}),
        ]


def _mend(database: Database) -> list[str]:
    """What was found, and is found no more."""
    found = _breaches(database)
    for breach in found:
        assert breach.mend is not None
        with database.write() as tx:
            breach.mend(tx)
    assert _breaches(database) == []
    return [breach.found for breach in found]


def _trial(database: Database, job_id: str, number: int) -> Trial:
    with database.read() as tx:
        return trial_views.read_trial(tx, job_id, number)


def test_what_the_service_writes_breaks_nothing(database: Database, job_id: str) -> None:
    assert _breaches(database) == []
    with database.write() as tx:
        jobs.cancel_job(tx, job_id)
    assert _breaches(database) == []


def _of(number: int, **values: object) -> Callable[[Connection], None]:
    def change(tx: Connection) -> None:
        tx.execute(update(table).where(table.c.number == number).values(values))

    return change


def _open_attempt(tx: Connection) -> None:
    number = select(table.c.id).where(table.c.number == 1).scalar_subquery()
    tx.execute(update(attempts).where(attempts.c.trial_id == number).values(ended_at=None))


@pytest.mark.parametrize(
    ("change", "number", "found", "state"),
    [
        (_of(2, token=None), 2, "runs without a lease", TrialState.QUEUED),
        (_of(2, token="another"), 2, "runs without a lease", TrialState.QUEUED),
        (_of(3, state="running"), 3, "runs without a lease", TrialState.QUEUED),
        (_of(3, token="stray"), 3, "is queued and leased", TrialState.QUEUED),
        (_of(1, token="stray"), 1, "is complete and leased", TrialState.COMPLETE),
        (_of(1, ended_at=None), 1, "is complete and has no end", TrialState.COMPLETE),
        (_of(3, ended_at=1.0), 3, "is queued and has ended", TrialState.QUEUED),
        (_of(0, value=None), 0, "is complete without a value", TrialState.QUEUED),
        (_of(3, attempt=2), 3, "says 2 attempts and has 0", TrialState.QUEUED),
        (_open_attempt, 1, "has an attempt that goes on without it", TrialState.COMPLETE),
    ],
)
def test_a_trial_in_no_lawful_state_is_put_into_one(
    database: Database,
    job_id: str,
    change: Callable[[Connection], None],
    number: int,
    found: str,
    state: TrialState,
) -> None:
    with database.write() as tx:
        change(tx)
    assert _mend(database) == [found]
    trial = _trial(database, job_id, number)
    assert trial.state is state
    assert all(a.ended_at for a in trial.attempts)
    if state is TrialState.QUEUED:
        with database.write() as tx:
            (row,) = trials.rows_of_job(tx, job_id, [number])
            assert leases.place(tx, row.id) is not None


def test_what_is_to_run_of_what_has_ended_is_cancelled(database: Database, job_id: str) -> None:
    with database.write() as tx:
        request = RetrainingRequest(repeats=1)
        retraining_id = retrainings.add_retraining(tx, job_id, request, {"layers": 1})
        tx.execute(update(retrainings_table).values(state="completed"))
        tx.execute(update(jobs_table).values(state="completed"))
    assert _mend(database) == [
        "is to run though its job has ended",
        "is to run though its job has ended",
        "is to run though its retraining has ended",
    ]
    with database.read() as tx:
        assert trials.unended_rows(tx) == []
        assert [r.state for r in trials.repeats_of(tx, retraining_id)] == [TrialState.CANCELLED]


def test_the_best_trial_is_found_again(database: Database, job_id: str) -> None:
    with database.write() as tx:
        worse = select(table.c.id).where(table.c.number == 0).scalar_subquery()
        tx.execute(update(jobs_table).values(best_trial_id=worse))
    assert _mend(database) == ["names another trial than its best as the best"]
    with database.read() as tx:
        best = jobs.read_job(tx, job_id).best
    assert best is not None
    assert best.number == 1


def test_a_trial_that_was_completed_twice_is_told_and_left(database: Database, job_id: str) -> None:
    with database.write() as tx:
        (row,) = trials.rows_of_job(tx, job_id, [1])
        again = {"number": 2, "token": "x", "started_at": now(), "ended_at": now()}
        tx.execute(insert(attempts).values(trial_id=row.id, outcome="complete", **again))
        tx.execute(update(table).where(table.c.id == row.id).values(attempt=2))
    (breach,) = _breaches(database)
    assert breach.found == "was completed twice"
    assert breach.mend is None


def _to_mirror(database: Database) -> set[tuple[str, str | None]]:
    with database.read() as tx:
        rows = tx.execute(select(outbox.c.kind, outbox.c.subject).where(~outbox.c.mirrored))
        return {(row.kind, row.subject) for row in rows}


def test_what_mlflow_lacks_is_mirrored_again(database: Database, job_id: str) -> None:
    with database.write() as tx:
        (row,) = trials.rows_of_job(tx, job_id, [1])
        _of(1, run_id="lost")(tx)
        tx.execute(update(jobs_table).values(run_id="lost too"))
        request = RetrainingRequest(repeats=1)
        retraining_id = retrainings.add_retraining(tx, job_id, request, {"layers": 1})
        retrainings.end_retraining(tx, retraining_id, "failed")
        trials.cancel_trials(tx, table.c.retraining_id == retraining_id, "")
        tx.execute(update(outbox).values(mirrored=True))
    assert _mend(database) == ["has no run in MLflow"] * 3
    assert _to_mirror(database) == {
        ("job", None),
        ("trial", str(row.id)),
        ("retraining", retraining_id),
    }
    assert _trial(database, job_id, 1).run_id is None
