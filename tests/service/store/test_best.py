"""The best of several objectives is the Pareto set, kept as trials end."""

import pytest

from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import JobState
from kerasearch.service.store import best, jobs, leases
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Outcome
from kerasearch.service.testing import accept, place
from kerasearch.service.trials import TrialState

TWO = [{"metric": "val_accuracy"}, {"metric": "parameters"}]


def _finish(database: Database, job_id: str, number: int, accuracy: float, size: float) -> None:
    lease = place(database, job_id, {"layers": number}, number)
    outcome = Outcome(
        TrialState.COMPLETE,
        value=accuracy,
        best_epoch=1,
        metrics={"val_accuracy": accuracy, "parameters": size},
        model_sha256=str(number) * 64,
    )
    with database.write() as tx:
        leases.finish(tx, lease, outcome)


@pytest.fixture
def job_id(database: Database) -> str:
    return accept(database, objective=TWO)


def test_the_set_holds_what_no_other_trial_is_better_than_in_all(
    database: Database, job_id: str
) -> None:
    for number, (accuracy, size) in enumerate([(0.8, 50), (0.9, 100), (0.7, 60), (0.9, 90)]):
        _finish(database, job_id, number, accuracy, size)
    with database.read() as tx:
        job = jobs.read_job(tx, job_id)
        shown = best.pareto_set(tx, job_id)
    assert (job.best, job.pareto) == (None, (0, 3))
    assert [trial.number for trial in shown] == [0, 3]
    assert shown[1].metrics == {"val_accuracy": 0.9, "parameters": 90}


def test_equal_trials_are_both_in_it(database: Database, job_id: str) -> None:
    for number in range(2):
        _finish(database, job_id, number, 0.8, 50)
    with database.read() as tx:
        assert jobs.read_job(tx, job_id).pareto == (0, 1)


def test_a_model_is_kept_unless_a_trial_is_better_in_all(database: Database, job_id: str) -> None:
    with database.read() as tx:
        assert best.keeps_model(tx, job_id, [0.1, 1e9], TrialState.COMPLETE)
    _finish(database, job_id, 0, 0.8, 50)
    with database.read() as tx:
        for values, kept in [((0.8, 50), True), ((0.7, 49), True), ((0.9, 99), True)]:
            assert best.keeps_model(tx, job_id, values, TrialState.COMPLETE) is kept
        assert not best.keeps_model(tx, job_id, (0.8, 51), TrialState.COMPLETE)


def test_a_model_of_the_set_is_asked_for_by_its_number(database: Database, job_id: str) -> None:
    with database.read() as tx, pytest.raises(NotFound, match="no trial of it has completed"):
        best.best_attempt(tx, job_id, 0)
    _finish(database, job_id, 0, 0.8, 50)
    _finish(database, job_id, 1, 0.7, 60)
    _finish(database, job_id, 2, 0.9, 99)
    with database.read() as tx:
        assert best.best_attempt(tx, job_id, 2) == (2, 1, "2" * 64)
        with pytest.raises(Conflict, match="name one of 0, 2"):
            best.best_attempt(tx, job_id)
        with pytest.raises(NotFound, match="trial 1"):
            best.best_attempt(tx, job_id, 1)


def test_the_best_trial_of_one_objective_is_the_only_one_by_number(database: Database) -> None:
    job_id = accept(database)
    _finish(database, job_id, 0, 0.8, 50)
    with database.read() as tx:
        assert best.best_attempt(tx, job_id, 0) == best.best_attempt(tx, job_id)
        with pytest.raises(NotFound, match="trial 5"):
            best.best_attempt(tx, job_id, 5)


def test_of_a_job_that_ended_no_best_is_to_be_waited_for() -> None:
    assert best.no_best("j", JobState.RUNNING).endswith("wait for one")
    for state in (JobState.FAILED, JobState.CANCELLED, JobState.COMPLETED):
        said = best.no_best("j", state)
        assert said == f"job j is {state} and no trial of it has completed: its trials say why"
