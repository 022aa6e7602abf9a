"""A trial process tells of its epochs in time, and hears when it is to end."""

from time import sleep
from types import SimpleNamespace

import pytest

from kerasearch.service import reports as reports_module
from kerasearch.service.errors import LeaseLost, Unavailable
from kerasearch.service.reports import REPORT_INTERVAL_S, Ladder, Reports
from kerasearch.service.store import leases, trial_views
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease
from kerasearch.service.testing import QUICK, accept, place
from kerasearch.service.trials import Trial


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(reports_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def lease(database: Database) -> Lease:
    return place(database, accept(database), QUICK)


@pytest.fixture
def reports(database: Database, lease: Lease, clock: SimpleNamespace) -> Reports:
    return Reports(database, lease)


def _read(database: Database, lease: Lease) -> Trial:
    with database.read() as tx:
        return trial_views.read_trial_row(tx, lease.trial_id)


def test_short_epochs_are_reported_several_in_one_write(
    database: Database, clock: SimpleNamespace, lease: Lease, reports: Reports
) -> None:
    written = []
    for epoch in range(1, 8):
        assert reports.add(epoch, {"val_accuracy": epoch / 10})
        reports.settle()
        written.append(len(_read(database, lease).values))
        clock.now += REPORT_INTERVAL_S * 0.4
    assert written == [1, 1, 1, 4, 4, 4, 7]
    assert reports.add(8, {"val_accuracy": 0.8})
    reports.settle()
    with database.write() as tx:
        reports.write(tx)
    assert _read(database, lease).values == [epoch / 10 for epoch in range(1, 9)]


def test_training_goes_on_while_short_epochs_are_written(
    database: Database, clock: SimpleNamespace, lease: Lease, reports: Reports
) -> None:
    assert reports.add(1, {"val_accuracy": 0.1})
    clock.now += 2 * REPORT_INTERVAL_S
    with database.write():  # nobody else can write
        for epoch in (2, 3):
            assert reports.add(epoch, {"val_accuracy": epoch / 10})
            clock.now += 2 * REPORT_INTERVAL_S
        assert _read(database, lease).values == [0.1]
    reports.settle()
    assert _read(database, lease).values == [0.1, 0.2]
    assert reports.add(4, {"val_accuracy": 0.4})
    reports.settle()
    assert _read(database, lease).values == [0.1, 0.2, 0.3, 0.4]


def test_epochs_that_could_not_be_written_go_with_the_next_ones(
    database: Database,
    clock: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    lease: Lease,
    reports: Reports,
) -> None:
    assert reports.add(1, {"val_accuracy": 0.1})
    with monkeypatch.context() as full:
        full.setattr(leases, "report", _unavailable)
        with database.write():  # the next write waits, and meanwhile comes another epoch
            clock.now += 2 * REPORT_INTERVAL_S
            assert reports.add(2, {"val_accuracy": 0.2})
            assert reports.add(3, {"val_accuracy": 0.3})
        reports.settle()
    assert _read(database, lease).values == [0.1]
    clock.now += 2 * REPORT_INTERVAL_S
    assert reports.add(4, {"val_accuracy": 0.4})
    reports.settle()
    assert _read(database, lease).values == [0.1, 0.2, 0.3, 0.4]


def _unavailable(*_: object) -> None:
    raise Unavailable("the disk is full")


def test_a_trial_that_was_taken_while_its_epochs_were_written_ends_at_the_next(
    database: Database, clock: SimpleNamespace, lease: Lease, reports: Reports
) -> None:
    assert reports.add(1, {"val_accuracy": 0.1})
    with database.write() as tx:
        leases.lose(tx, lease, "killed")
    with pytest.raises(LeaseLost):
        _train_on(reports, clock)


def _train_on(reports: Reports, clock: SimpleNamespace) -> None:
    """More epochs, until it is heard what the writing of the first ones came to."""
    for epoch in range(2, 1000):
        clock.now += 2 * REPORT_INTERVAL_S
        reports.add(epoch, {"val_accuracy": 0.2})
        sleep(0.01)


def test_a_pruner_s_verdict_is_heard_with_the_next_report(
    database: Database, clock: SimpleNamespace, lease: Lease, reports: Reports
) -> None:
    assert reports.add(1, {"val_accuracy": 0.1})
    with database.write() as tx:
        leases.prune(tx, lease, "median: worse")
    clock.now += 1
    assert not reports.add(2, {"val_accuracy": 0.1})
    assert (reports.verdict, reports.rung) == ("median: worse", None)


def test_a_verdict_on_an_attempt_that_was_lost_is_none_on_the_next(database: Database) -> None:
    lease = place(database, accept(database), QUICK)
    with database.write() as tx:
        leases.prune(tx, lease, "median: worse")
        leases.lose(tx, lease, "killed")
        leases.prune(tx, lease, "median: worse")
        again = leases.place(tx, lease.trial_id)
    assert again is not None
    assert Reports(database, again).add(1, {"val_accuracy": 0.1})


def test_epochs_are_counted_on_from_training_to_training(
    database: Database, clock: SimpleNamespace
) -> None:
    lease = place(database, accept(database, budget={"repeats": 2}), QUICK)
    reports = Reports(database, lease)
    for training in range(2):
        reports.begin_training(training, 2 * training)
        for epoch in (1, 2):  # the second of each waits to be written with others
            reports.add(epoch, {"val_accuracy": (10 * training + epoch) / 100})
        clock.now += REPORT_INTERVAL_S
    reports.settle()
    with database.write() as tx:
        reports.write(tx)
    assert _read(database, lease).values == [0.01, 0.02, 0.11, 0.12]


def test_at_a_rung_the_answer_comes_at_once(database: Database, clock: SimpleNamespace) -> None:
    search = {"pruner": "asha", "pruner_options": {"eta": 2, "min_epochs": 2}}
    job_id = accept(database, search=search, budget={"trials": 4, "epochs": 8})
    answers = []
    for number, accuracy in enumerate((0.3, 0.5)):
        lease = place(database, job_id, QUICK, number)
        with database.write() as tx:
            ladder = Ladder.of(leases.begin(tx, lease, 1, "cpu"))
        reports = Reports(database, lease, ladder=ladder)
        answers.append([reports.add(epoch, {"val_accuracy": accuracy}) for epoch in (1, 2)])
        answers.append([reports.verdict, reports.rung])
        assert _read(database, lease).values == [accuracy] * 2
    verdict = "asha: not among the best 1 in 2 at epoch 2"
    assert answers == [[True, False], [verdict, 2], [True, True], [None, None]]
