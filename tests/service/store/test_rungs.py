"""Successive halving's decisions are the database's alone."""

import itertools

import pytest
from sqlalchemy import select, update

from kerasearch.service.jobs import JobChange, JobState, Limits
from kerasearch.service.store import best, events, jobs, leases, rungs, tables, trial_views, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease, Outcome, StoredCheckpoint
from kerasearch.service.store.rungs import Rung
from kerasearch.service.testing import QUICK, accept, place
from kerasearch.service.trials import Trial, TrialState

ASHA = {"pruner": "asha", "pruner_options": {"eta": 3, "min_epochs": 1}}


class Searching:
    """A job whose trials come to rungs one after the other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.job_id = accept(database, search=ASHA, budget={"trials": 27, "epochs": 27})
        self._numbers = itertools.count()
        with database.write() as tx:
            jobs.start_job(tx, self.job_id)

    def begin(self) -> Lease:
        return place(self.database, self.job_id, QUICK, next(self._numbers))

    def reach(self, lease: Lease, accuracy: float, epoch: int = 1) -> bool:
        with self.database.write() as tx:
            leases.report(tx, lease, {epoch: {"val_accuracy": accuracy}})
            return leases.reach_rung(tx, lease, Rung(self.job_id, 0, epoch), eta=3)

    def prune(self, lease: Lease, accuracy: float, epoch: int = 1) -> None:
        outcome = Outcome(
            TrialState.PRUNED, "waits", accuracy, epoch, {"val_accuracy": accuracy}, rung=epoch
        )
        with self.database.write() as tx:
            leases.finish(tx, lease, outcome)

    def come(self, accuracy: float) -> tuple[Lease, bool]:
        """A new trial to the first rung, where it waits unless it goes on."""
        lease = self.begin()
        goes_on = self.reach(lease, accuracy)
        if not goes_on:
            self.prune(lease, accuracy)
        return lease, goes_on

    def promote(self) -> Lease:
        """The best of three, which the third has queued to go on."""
        first, _ = self.come(0.9)
        self.come(0.5)
        self.come(0.4)
        return first

    def trial(self, lease: Lease) -> Trial:
        with self.database.read() as tx:
            return trial_views.read_trial_row(tx, lease.trial_id)

    def go_on(self, lease: Lease) -> Lease:
        with self.database.write() as tx:
            again = leases.place(tx, lease.trial_id)
        assert again is not None
        return again


@pytest.fixture
def searching(database: Database) -> Searching:
    return Searching(database)


def test_the_best_third_of_those_that_came_go_on(searching: Searching) -> None:
    accuracies = [0.5, 0.6, 0.55, 0.1, 0.9, 0.2, 0.3, 0.58, 0.4]
    went_on = [searching.come(accuracy)[1] for accuracy in accuracies]
    assert went_on == [False, False, False, False, True, False, False, False, False]
    with searching.database.read() as tx:
        rows = trials.rows_of_job(tx, searching.job_id)
    assert [row.number for row in rows if row.state is TrialState.QUEUED] == [1, 7]


def test_a_trial_that_waits_is_queued_by_the_one_that_makes_room_for_it(
    searching: Searching,
) -> None:
    first, _ = searching.come(0.9)
    searching.come(0.5)
    assert searching.trial(first).state is TrialState.PRUNED
    searching.come(0.4)
    promoted = searching.trial(first)
    assert (promoted.state, promoted.value, promoted.reason) == (TrialState.QUEUED, 0.9, None)
    again = searching.go_on(first)
    assert [attempt.outcome for attempt in searching.trial(again).attempts] == ["pruned", None]


def test_a_trial_that_is_promoted_on_its_way_to_wait_is_queued_when_it_arrives(
    searching: Searching,
) -> None:
    """Its process saves a checkpoint and a confusion matrix between the two."""
    first = searching.begin()
    assert not searching.reach(first, 0.9)
    searching.come(0.5)
    searching.come(0.4)
    assert searching.trial(first).state is TrialState.RUNNING
    searching.prune(first, 0.9)
    assert searching.trial(first).state is TrialState.QUEUED


def test_a_trial_that_comes_again_finds_what_was_decided(searching: Searching) -> None:
    """Its process was lost after the rung: it is not counted twice."""
    searching.come(0.5)
    searching.come(0.6)
    third = searching.begin()
    assert searching.reach(third, 0.9)
    with searching.database.write() as tx:
        leases.lose(tx, third, "killed")
    assert searching.reach(searching.go_on(third), 0.9)
    goes_on = [searching.come(accuracy)[1] for accuracy in (0.65, 0.7, 0.1)]
    assert goes_on == [False, False, False]
    with searching.database.read() as tx:
        rows = trials.rows_of_job(tx, searching.job_id)
    assert [row.number for row in rows if row.state is TrialState.QUEUED] == [4]


def test_a_higher_rung_is_decided_among_those_that_reached_it_by_their_best_epochs(
    searching: Searching,
) -> None:
    leases_there = [searching.begin() for _ in range(3)]
    goes_on = []
    for lease, (at_first, later) in zip(
        leases_there, [(0.9, 0.1), (0.2, 0.8), (0.3, 0.85)], strict=True
    ):
        searching.reach(lease, at_first)
        goes_on.append(searching.reach(lease, later, epoch=3))
    assert goes_on == [False, False, False]
    assert searching.trial(leases_there[0]).state is TrialState.RUNNING
    with searching.database.read() as tx:
        promoted = [rungs.is_promoted(tx, lease.trial_id, 3) for lease in leases_there]
    assert promoted == [True, False, False]


def test_of_equals_the_earlier_trial_is_the_better(searching: Searching) -> None:
    found = [searching.come(0.5) for _ in range(3)]
    assert [goes_on for _, goes_on in found] == [False, False, False]
    states = [searching.trial(lease).state for lease, _ in found]
    assert states == [TrialState.QUEUED, TrialState.PRUNED, TrialState.PRUNED]


def test_a_stopped_job_lets_what_runs_go_on_and_queues_nothing(searching: Searching) -> None:
    waiting, _ = searching.come(0.9)
    running = [searching.begin() for _ in range(5)]
    with searching.database.write() as tx:
        jobs.stop_job(tx, searching.job_id)
    decided = [
        searching.reach(lease, accuracy)
        for lease, accuracy in zip(running, (0.1, 0.2, 0.3, 0.4, 0.95), strict=True)
    ]
    assert decided == [False, False, False, False, True]
    assert searching.trial(waiting).state is TrialState.PRUNED


def test_a_trial_that_was_to_go_on_stays_pruned_where_nothing_begins_any_more(
    searching: Searching,
) -> None:
    first = searching.promote()
    with searching.database.write() as tx:
        rungs.leave_waiting(tx, searching.job_id, "the time is up")
    left = searching.trial(first)
    assert (left.state, left.value, left.reason) == (TrialState.PRUNED, 0.9, "the time is up")
    searching.come(0.3)
    assert searching.trial(first).state is TrialState.QUEUED, "it may be promoted again"


@pytest.mark.parametrize("step", [jobs.stop_job, jobs.cancel_job])
def test_a_trial_that_waits_in_the_queue_to_go_on_keeps_its_value_when_the_job_is_ended(
    searching: Searching, step: object
) -> None:
    first = searching.promote()
    with searching.database.write() as tx:
        step(tx, searching.job_id)  # type: ignore[operator]
    assert (searching.trial(first).state, searching.trial(first).value) == (TrialState.PRUNED, 0.9)


def test_a_trial_that_was_to_go_on_when_its_job_was_stopped_does_when_it_is_extended(
    searching: Searching,
) -> None:
    first = searching.promote()
    with searching.database.write() as tx:
        jobs.stop_job(tx, searching.job_id)
        jobs.end_job(tx, searching.job_id, JobState.COMPLETED, "it was stopped")
        jobs.change_job(tx, searching.job_id, JobChange(budget=Limits(trials=40)))
    searching.come(0.3)
    assert searching.trial(first).state is TrialState.QUEUED


def test_epochs_that_lack_the_objective_count_for_nothing_at_a_rung(searching: Searching) -> None:
    lease = searching.begin()
    with searching.database.write() as tx:
        leases.report(tx, lease, {1: {"loss": 0.9}})
        assert leases.reach_rung(tx, lease, Rung(searching.job_id, 0, 1), eta=3), "it isn't known"
        leases.report(tx, lease, {2: {"val_accuracy": 0.5}, 3: {"val_accuracy": 0.4}})
        assert not leases.reach_rung(tx, lease, Rung(searching.job_id, 0, 3), eta=3)
        (cost,) = tx.execute(select(tables.rungs.c.cost)).scalars()
    assert cost == -0.5


def test_the_best_trial_is_told_again_when_a_better_one_that_went_on_comes_to_nothing(
    searching: Searching,
) -> None:
    fifth, _ = searching.come(0.8)
    with searching.database.write() as tx:
        tx.execute(update(tables.trials).values(model_sha256="0" * 64))
        best.take_best(tx, tx.execute(select(tables.trials)).one())
    third, _ = searching.come(0.85)
    chosen = tables.trials.c.id == third.trial_id
    with searching.database.write() as tx:
        tx.execute(update(tables.trials).where(chosen).values(model_sha256="1" * 64))
        best.take_best(tx, tx.execute(select(tables.trials).where(chosen)).one())
        rungs.queue_again(tx, third.trial_id)
    again = searching.go_on(third)
    with searching.database.write() as tx:
        leases.begin(tx, again, 1, "cpu")
        known = events.latest(tx)
        leases.finish(tx, again, Outcome(TrialState.INFEASIBLE, "NaN"))
        told = events.events_after(tx, searching.job_id, known)
        assert jobs.read_job(tx, searching.job_id).best.number == 0  # type: ignore[union-attr]
    numbers = [event.data["number"] for event in told if event.kind == "trial"]
    assert sorted(numbers) == [0, 1]
    assert searching.trial(fifth).state is TrialState.PRUNED


def test_the_reports_before_a_checkpoint_belong_to_the_attempt_that_goes_on_from_it(
    searching: Searching,
) -> None:
    lease = searching.begin()
    with searching.database.write() as tx:
        for epoch in range(1, 6):
            leases.report(tx, lease, {epoch: {"val_accuracy": epoch / 10}})
        leases.note_checkpoint(tx, lease, StoredCheckpoint(1, 3, "0" * 64))
        leases.lose(tx, lease, "killed")
    again = searching.go_on(lease)
    assert searching.trial(again).values == [0.1, 0.2, 0.3]
    with searching.database.write() as tx:
        assert leases.begin(tx, again, 1, "cpu").checkpoint == StoredCheckpoint(1, 3, "0" * 64)
        leases.report(tx, again, {4: {"val_accuracy": 0.7}})
    assert searching.trial(again).values == [0.1, 0.2, 0.3, 0.7]
    with searching.database.write() as tx:
        leases.begin_anew(tx, again)
    assert searching.trial(again).values == []


def _best(searching: Searching) -> tuple[int, float] | None:
    with searching.database.read() as tx:
        best = jobs.read_job(tx, searching.job_id).best
    return None if best is None else (best.number, best.value)


def _end(searching: Searching, lease: Lease, state: TrialState, value: float | None) -> None:
    kept = None if value is None else "0" * 64
    metrics = {} if value is None else {"val_accuracy": value}
    with searching.database.write() as tx:
        leases.finish(tx, lease, Outcome(state, None, value, 1, metrics, model_sha256=kept))


def test_the_best_pruned_trial_is_best_until_one_is_complete(searching: Searching) -> None:
    one, other, third = (searching.begin() for _ in range(3))
    _end(searching, one, TrialState.PRUNED, 0.7)
    assert _best(searching) == (0, 0.7)
    _end(searching, other, TrialState.PRUNED, 0.8)
    assert _best(searching) == (1, 0.8)
    _end(searching, third, TrialState.COMPLETE, 0.6)
    assert _best(searching) == (2, 0.6)
    _end(searching, searching.begin(), TrialState.PRUNED, 0.9)
    assert _best(searching) == (2, 0.6)


def test_a_best_pruned_trial_that_comes_to_nothing_makes_room_for_the_next(
    searching: Searching,
) -> None:
    one, other = searching.begin(), searching.begin()
    _end(searching, other, TrialState.PRUNED, 0.7)
    _end(searching, one, TrialState.PRUNED, 0.8)
    with searching.database.write() as tx:
        rungs.queue_again(tx, one.trial_id)
    _end(searching, searching.go_on(one), TrialState.INFEASIBLE, None)
    assert _best(searching) == (1, 0.7)
