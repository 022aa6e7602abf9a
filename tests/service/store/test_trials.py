"""A trial is written to by the one attempt that holds its lease, and by nobody else."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from kerasearch.service.errors import LeaseLost, NotFound
from kerasearch.service.jobs import JobState
from kerasearch.service.store import best as best_trials
from kerasearch.service.store import events, jobs, leases, retrainings, trial_views, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease, Outcome
from kerasearch.service.store.tables import metadata
from kerasearch.service.testing import accept, complete
from kerasearch.service.trials import RetrainingRequest, Trial, TrialState


@pytest.fixture
def job_id(database: Database) -> str:
    return accept(database)


def _place(database: Database, job_id: str, number: int = 0) -> Lease:
    with database.write() as tx:
        lease = leases.place(tx, trials.add_trial(tx, job_id, number, {"layers": number}, 7))
    assert lease is not None
    return lease


def _place_again(database: Database, lease: Lease) -> Lease:
    with database.write() as tx:
        again = leases.place(tx, lease.trial_id)
    assert again is not None
    return again


def _finish(database: Database, lease: Lease, outcome: Outcome) -> None:
    with database.write() as tx:
        leases.finish(tx, lease, outcome)


def _read(database: Database, lease: Lease) -> Trial:
    with database.read() as tx:
        return trial_views.read_trial_row(tx, lease.trial_id)


def _contents(database: Database) -> dict[str, list[object]]:
    with database.read() as tx:
        return {
            name: [tuple(row) for row in tx.execute(select(table))]
            for name, table in metadata.tables.items()
        }


def test_a_trial_goes_from_its_lease_through_its_epochs_to_its_value(
    database: Database, job_id: str
) -> None:
    lease = _place(database, job_id, 3)
    with database.write() as tx:
        assignment = leases.begin(tx, lease, 1234, "cpu")
    assert (assignment.job_id, assignment.number, assignment.seed) == (job_id, 3, 7)
    assert assignment.params == {"layers": 3}
    assert assignment.request.model == "mlp"
    with database.write() as tx:
        leases.report(tx, lease, {1: {"val_accuracy": 0.5}, 2: {"val_accuracy": 0.75}})
    _finish(database, lease, complete(0.75))

    trial = _read(database, lease)
    assert trial.state is TrialState.COMPLETE
    assert trial.value == 0.75
    assert trial.values == [0.5, 0.75]
    assert trial.curves == {"val_accuracy": [0.5, 0.75]}
    assert trial.metrics == {"val_accuracy": 0.75}
    assert (trial.device, trial.seed, trial.best_epoch) == ("cpu", 7, 1)
    assert trial.duration_s is not None
    (attempt,) = trial.attempts
    assert (attempt.number, attempt.outcome, attempt.pid) == (1, "complete", 1234)
    assert attempt.ended_at is not None


def test_a_trial_is_placed_once(database: Database, job_id: str) -> None:
    lease = _place(database, job_id)
    with database.write() as tx:
        assert leases.place(tx, lease.trial_id) is None


WRITES: dict[str, Callable[[Connection, Lease], object]] = {
    "begin": lambda tx, lease: leases.begin(tx, lease, 1, "cpu"),
    "beat": leases.beat,
    "report": lambda tx, lease: leases.report(tx, lease, {1: {"loss": 1.0}}),
    "finish": lambda tx, lease: leases.finish(tx, lease, complete(1.0)),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("how", ["finished", "cancelled", "lost", "placed again", "foreign"])
def test_without_the_lease_nothing_is_written(
    database: Database, job_id: str, how: str, write: Callable[[Connection, Lease], object]
) -> None:
    lease = _place(database, job_id)
    with database.write() as tx:
        match how:
            case "finished":
                leases.finish(tx, lease, complete(0.5))
            case "cancelled":
                jobs.cancel_job(tx, job_id)
            case "lost":
                leases.lose(tx, lease, "killed")
            case "placed again":
                leases.lose(tx, lease, "killed")
                leases.place(tx, lease.trial_id)
            case "foreign":
                lease = replace(lease, token="f" * 16)
    before = _contents(database)
    with database.write() as tx, pytest.raises(LeaseLost, match="no longer owns"):
        write(tx, lease)
    assert _contents(database) == before


@pytest.mark.parametrize("let_go", [leases.lose, leases.hang, leases.put_back])
def test_a_lease_that_is_gone_already_is_not_lost_again(
    database: Database, job_id: str, let_go: Callable[[Connection, Lease, str], None]
) -> None:
    lease = _place(database, job_id)
    _finish(database, lease, complete(0.5))
    before = _contents(database)
    with database.write() as tx:
        let_go(tx, lease, "killed")
    assert _contents(database) == before


def test_a_lost_trial_is_run_again_and_fails_with_its_third_attempt(
    database: Database, job_id: str
) -> None:
    lease = _place(database, job_id)
    for attempt in (1, 2, 3):
        assert lease.attempt == attempt
        with database.write() as tx:
            leases.report(tx, lease, {1: {"val_accuracy": attempt / 10}})
            leases.lose(tx, lease, f"killed by signal {attempt}")
        if attempt < 3:
            assert _read(database, lease).state is TrialState.QUEUED
            lease = _place_again(database, lease)
    trial = _read(database, lease)
    assert trial.state is TrialState.FAILED
    assert trial.reason == "killed by signal 3, the last of 3 attempts"
    assert [attempt.outcome for attempt in trial.attempts] == ["lost"] * 3
    assert trial.attempts[0].reason == "killed by signal 1"
    assert trial.values == [0.3], "epochs are the last attempt's"
    with database.write() as tx:
        assert leases.place(tx, lease.trial_id) is None


@pytest.mark.parametrize("first", [leases.hang, leases.lose])
def test_a_trial_that_hangs_is_run_again_once(
    database: Database, job_id: str, first: Callable[[Connection, Lease, str], None]
) -> None:
    lease = _place(database, job_id)
    with database.write() as tx:
        first(tx, lease, "no epoch ended for 9 s")
    assert _read(database, lease).state is TrialState.QUEUED
    again = _place_again(database, lease)
    with database.write() as tx:
        leases.hang(tx, again, "no epoch ended for 9 s")
    trial = _read(database, lease)
    assert trial.state is TrialState.FAILED
    assert trial.reason == "no epoch ended for 9 s, the last of 2 attempts"
    assert trial.attempts[-1].outcome == "hung"


def test_a_trial_that_we_stopped_ourselves_may_be_run_any_number_of_times(
    database: Database, job_id: str
) -> None:
    lease = _place(database, job_id)
    for _ in range(5):
        with database.write() as tx:
            leases.put_back(tx, lease, "the service was stopped")
        lease = _place_again(database, lease)
    with database.write() as tx:
        leases.lose(tx, lease, "killed")
    trial = _read(database, lease)
    assert trial.state is TrialState.QUEUED
    assert [attempt.outcome for attempt in trial.attempts] == ["stopped"] * 5 + ["lost"]


def test_an_infeasible_trial_keeps_its_reason_and_is_not_run_again(
    database: Database, job_id: str
) -> None:
    lease = _place(database, job_id)
    _finish(database, lease, Outcome(TrialState.INFEASIBLE, reason="loss became nan in epoch 1"))
    trial = _read(database, lease)
    assert trial.state is TrialState.INFEASIBLE
    assert trial.reason == "loss became nan in epoch 1"
    assert trial.value is None
    with database.read() as tx:
        assert trials.unended_rows(tx) == []
        assert jobs.read_job(tx, job_id).best is None


def test_cancelling_a_job_ends_its_trials_and_takes_their_leases(
    database: Database, job_id: str
) -> None:
    done, running = _place(database, job_id, 0), _place(database, job_id, 1)
    _finish(database, done, complete(0.5))
    with database.write() as tx:
        queued = trials.add_trial(tx, job_id, 2, {}, 0)
        jobs.cancel_job(tx, job_id)
        assert trials.unended_rows(tx) == []
        states = [trial.state for trial in trial_views.list_trials(tx, job_id, None, None, None)]
        assert leases.place(tx, queued) is None
    assert states == [TrialState.COMPLETE, TrialState.CANCELLED, TrialState.CANCELLED]
    with database.write() as tx, pytest.raises(LeaseLost):
        leases.beat(tx, running)
    assert _read(database, running).attempts[0].outcome == "cancelled"


def test_a_metric_that_is_no_number_is_null(database: Database, job_id: str) -> None:
    lease = _place(database, job_id)
    with database.write() as tx:
        leases.report(tx, lease, {1: {"loss": math.nan, "val_loss": math.inf, "accuracy": 0.5}})
    trial = _read(database, lease)
    assert trial.curves == {"loss": [None], "val_loss": [None], "accuracy": [0.5]}
    with database.read() as tx:
        said = events.events_after(tx, job_id, 0)[-1].data
    assert said["loss"] is None
    assert said["val_loss"] is None


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("val_accuracy", {0: 0.5, 1: 0.9, 2: 0.7}, 1),
        ("val_loss", {0: 0.5, 1: 0.9, 2: 0.3}, 2),
        ("val_accuracy", {2: 0.9, 1: 0.9, 0: 0.1}, 1),
        ("val_loss", {1: 0.0, 0: 0.0, 2: 0.0}, 0),
    ],
    ids=["the highest", "the lowest", "the earliest of the highest", "the earliest of the lowest"],
)
def test_the_best_trial_is(
    database: Database, metric: str, values: dict[int, float], best: int
) -> None:
    """`values` are in the order in which the trials end."""
    job_id = accept(database, objective={"metric": metric})
    leases = {number: _place(database, job_id, number) for number in sorted(values)}
    for number, value in values.items():
        _finish(database, leases[number], complete(value))
    with database.read() as tx:
        found = jobs.read_job(tx, job_id).best
        assert best_trials.best_attempt(tx, job_id) == (best, 1, "0" * 64)
    assert found is not None
    assert found.number == best
    assert found.value == values[best]
    assert found.params == {"layers": best}


def test_a_repeat_of_a_retraining_is_never_the_best_trial(database: Database, job_id: str) -> None:
    first = _place(database, job_id)
    _finish(database, first, complete(0.5))
    with database.write() as tx:
        retrainings.add_retraining(tx, job_id, RetrainingRequest(repeats=1), {"layers": 0})
        (repeat,) = trials.unended_rows(tx)
        lease = leases.place(tx, repeat.id)
        assert lease is not None
        leases.finish(tx, lease, complete(0.9))
        best = jobs.read_job(tx, job_id).best
        counts = jobs.read_job(tx, job_id).trials
    assert best is not None
    assert best.value == 0.5
    assert counts[TrialState.COMPLETE] == 1


def test_a_model_is_kept_while_its_trial_may_become_the_best(
    database: Database, job_id: str
) -> None:
    with database.read() as tx:
        assert best_trials.keeps_model(tx, job_id, [0.1])
    _finish(database, _place(database, job_id), complete(0.5))
    with database.read() as tx:
        for value, kept in [(0.6, True), (0.5, True), (0.4, False)]:
            assert best_trials.keeps_model(tx, job_id, [value]) is kept


def test_trials_are_listed_by_number_a_page_and_a_state_at_a_time(
    database: Database, job_id: str
) -> None:
    leases = [_place(database, job_id, number) for number in range(5)]
    for lease in leases[::2]:
        _finish(database, lease, complete(0.5))

    def numbers(state: TrialState | None, limit: int | None, after: int | None) -> list[int]:
        with database.read() as tx:
            return [t.number for t in trial_views.list_trials(tx, job_id, state, limit, after)]

    assert numbers(None, None, None) == [0, 1, 2, 3, 4]
    assert numbers(None, 2, 1) == [2, 3]
    assert numbers(TrialState.COMPLETE, 2, None) == [0, 2]
    assert numbers(TrialState.RUNNING, None, 1) == [3]


def test_each_of_a_page_has_its_own_curves_and_attempts(database: Database, job_id: str) -> None:
    for number in range(3):
        lease = _place(database, job_id, number)
        with database.write() as tx:
            leases.report(tx, lease, {1: {"val_accuracy": number / 10}})
    with database.read() as tx:
        page = trial_views.list_trials(tx, job_id, None, 2, 0)
        bare = trial_views.list_trials(tx, job_id, None, None, None, curves=False)
    assert [trial.values for trial in page] == [[0.1], [0.2]]
    assert [len(trial.attempts) for trial in page] == [1, 1]
    assert [trial.values for trial in bare] == [[], [], []]
    assert [len(trial.attempts) for trial in bare] == [1, 1, 1]


def test_what_is_not_there_is_not_found(database: Database, job_id: str) -> None:
    _place(database, job_id, 1)
    with database.read() as tx:
        assert trial_views.read_trial(tx, job_id, 1).number == 1
        with pytest.raises(NotFound, match=r"has no trial 0"):
            trial_views.read_trial(tx, job_id, 0)
        with pytest.raises(NotFound, match=r"has no trial 2"):
            trial_views.read_trial(tx, job_id, 2)
        with pytest.raises(NotFound, match=r"no trial row 99"):
            trial_views.read_trial_row(tx, 99)
        with pytest.raises(NotFound, match=r"no trial of it has completed"):
            best_trials.best_attempt(tx, job_id)


def test_every_change_of_a_trial_is_told_in_order(database: Database, job_id: str) -> None:
    lease = _place(database, job_id)
    with database.write() as tx:
        leases.lose(tx, lease, "killed")
    lease = _place_again(database, lease)
    with database.write() as tx:
        leases.report(tx, lease, {1: {"loss": 1.0}, 2: {"loss": 0.5}})
    _finish(database, lease, complete(0.5))
    with database.read() as tx:
        told = [(event.kind, event.data) for event in events.events_after(tx, job_id, 0)]
    assert [(kind, data.get("state"), data.get("epoch")) for kind, data in told] == [
        ("job", JobState.QUEUED, None),
        ("trial", "running", None),
        ("trial", "queued", None),
        ("trial", "running", None),
        ("report", None, 1),
        ("report", None, 2),
        ("trial", "complete", None),
    ]
    assert told[-1][1]["attempt"] == 2
    assert told[-1][1]["value"] == 0.5


def test_rows_of_some_numbers_leave_out_the_others(database: Database, job_id: str) -> None:
    leases = [_place(database, job_id, number) for number in range(3)]
    with database.read() as tx:
        rows = trials.rows_of_job(tx, job_id, {0, 2, 9})
    assert [row.number for row in rows] == [0, 2]
    assert [row.lease for row in rows] == [leases[0], leases[2]]


def test_what_a_trial_warns_of_is_kept(database: Database, job_id: str) -> None:
    lease = _place(database, job_id)
    assert _read(database, lease).warnings == []
    _finish(database, lease, replace(complete(0.5), warnings=("it has vanished",)))
    assert _read(database, lease).warnings == ["it has vanished"]


def test_a_metric_that_was_not_told_of_an_epoch_has_no_number_there(
    database: Database, job_id: str
) -> None:
    lease = _place(database, job_id)
    told = [{"loss": 0.9}, {"loss": 0.8, "val_accuracy": 0.5}, {"val_accuracy": 0.6}]
    with database.write() as tx:
        leases.report(tx, lease, dict(enumerate(told, start=1)))
    trial = _read(database, lease)
    assert trial.curves == {"loss": [0.9, 0.8, None], "val_accuracy": [None, 0.5, 0.6]}
    assert trial.values == [None, 0.5, 0.6]
