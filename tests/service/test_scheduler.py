"""Jobs run to their end whatever becomes of trials, processes and the scheduler itself."""

import csv
import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import ClassVar

import pytest
from optuna.samplers import BaseSampler

from kerasearch.searchspaces import SearchSpace
from kerasearch.service import scheduler as scheduler_module
from kerasearch.service.errors import LeaseLost
from kerasearch.service.jobs import Job, JobChange, JobState
from kerasearch.service.liveness import LETTING_GO_S, OVERRUN_S
from kerasearch.service.sampling.enumeration import configurations
from kerasearch.service.sampling.samplers import SAMPLERS, Call, Sampler
from kerasearch.service.sampling.studies import study_of
from kerasearch.service.sampling.study import Asked, JobStudy
from kerasearch.service.scheduler import Scheduler
from kerasearch.service.seeds import trial_seed
from kerasearch.service.settings import Settings
from kerasearch.service.store import database as database_module
from kerasearch.service.store import jobs, leases, retrainings, trial_views, trials
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease, Outcome
from kerasearch.service.testing import (
    QUICK,
    FakeExecutor,
    ProcessDied,
    ProcessHangs,
    accept,
    complete,
    new_database,
    run_as,
)
from kerasearch.service.trials import Params, Retraining, RetrainingRequest, Trial, TrialState

every_engine = pytest.mark.parametrize("engine", SAMPLERS)

SIX = {
    "layers": 1,
    "units_1": {"type": "choice", "values": [16, 32, 64]},
    "activation": {"type": "choice", "values": ["relu", "tanh"]},
    "batch_norm": False,
    "input_dropout": 0.0,
    "regularization": "none",
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 32,
}
"""A space of six configurations."""


class Service:
    """A database and one scheduler after the other on it, in a time that the test makes pass."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings(data_dir=folder, lease_s=30)
        self.database = new_database(folder)
        self.now = 1000.0
        monkeypatch.setattr(scheduler_module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def start(self, run: Callable[[Lease], None], slots: int = 1, patience_s: float = 60) -> None:
        """A scheduler on what an earlier one left, whose trial processes do this with a lease."""
        self.settings = self.settings.model_copy(update={"workers": slots})
        self.executor = FakeExecutor(run, slots)
        self.scheduler = Scheduler(self.settings, self.database, self.executor, patience_s)
        self.scheduler.recover()

    def train(self, account: Callable[[Assignment], Outcome]) -> Callable[[Lease], None]:
        return run_as(self.database, account)

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.scheduler.tick(0)
            self.now += 1

    def run(self, *job_ids: str) -> list[Job]:
        """Tick until these jobs have ended."""
        for _ in range(500):
            if all(self.job(job_id).state.ended for job_id in job_ids):
                return [self.job(job_id) for job_id in job_ids]
            self.tick()
        pytest.fail(f"the jobs go on and on: {[self.job(job_id) for job_id in job_ids]}")

    def job(self, job_id: str) -> Job:
        with self.database.read() as tx:
            return jobs.read_job(tx, job_id)

    def trials(self, job_id: str) -> list[Trial]:
        with self.database.read() as tx:
            return trial_views.list_trials(tx, job_id, None, None, None)

    def cancel(self, job_id: str) -> None:
        with self.database.write() as tx:
            jobs.cancel_job(tx, job_id)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service(tmp_path, monkeypatch)
    yield service
    service.database.close()


def _good(assignment: Assignment) -> Outcome:
    """A value that depends on the params alone."""
    rate = float(assignment.params["learning_rate"] or 0)
    return complete(1 - abs(rate - 0.003) - float(assignment.params["dropout"] or 0) / 10)


def _infeasible(assignment: Assignment) -> Outcome:
    return Outcome(TrialState.INFEASIBLE, reason=f"trial {assignment.number} became nan")


def _hang(_lease: Lease) -> None:
    raise ProcessHangs


@every_engine
def test_a_job_runs_to_its_budget(service: Service, engine: str) -> None:
    search = {"engine": engine}
    job_id = accept(service.database, search=search, budget={"trials": 7})
    service.start(service.train(_good), slots=2)
    (job,) = service.run(job_id)
    assert (job.state, job.reason) == (JobState.COMPLETED, "the budget of 7 trials is used up")
    assert job.trials[TrialState.COMPLETE] == job.progress.done == 7
    done = service.trials(job_id)
    assert [trial.number for trial in done] == list(range(7))
    assert job.best is not None
    assert job.best.value == max(trial.value or 0 for trial in done)


@pytest.mark.parametrize(("parallel", "most"), [(None, 3), (2, 2), (9, 3)])
def test_a_job_runs_as_many_trials_at_once_as_it_may(
    service: Service, parallel: int | None, most: int
) -> None:
    job_id = accept(
        service.database, budget={"trials": 6}, resources={"parallel": parallel, "gpus": 0}
    )
    service.start(service.train(_good), slots=3)
    service.run(job_id)
    assert service.executor.most == most


@pytest.mark.parametrize("restarted", [False, True])
def test_more_slots_than_trials_begin_no_more_than_the_budget(
    service: Service, restarted: bool
) -> None:
    job_id = accept(service.database, budget={"trials": 3})
    for _ in range(1 + restarted):
        service.start(_hang, slots=5)
        service.tick(3)
    assert service.executor.free == 2
    assert len(service.trials(job_id)) == 3


def test_jobs_share_the_slots(service: Service) -> None:
    ids = [accept(service.database), accept(service.database), accept(service.database)]
    service.start(_hang, slots=5)
    service.tick(2)
    assert [service.job(job_id).trials[TrialState.RUNNING] for job_id in ids] == [2, 2, 1]


def test_a_later_job_gets_the_next_free_slot(service: Service) -> None:
    first = accept(service.database, budget={"trials": 10})
    service.start(service.train(_good), slots=2)
    service.tick(2)
    second = accept(service.database, budget={"trials": 3})
    service.run(second)
    assert not service.job(first).state.ended


@every_engine
def test_a_space_is_exhausted_without_any_configuration_trained_twice(
    service: Service, engine: str
) -> None:
    trained: list[Params] = []

    def note(assignment: Assignment) -> Outcome:
        trained.append(assignment.params)
        return _good(assignment)

    search = {"engine": engine}
    job_id = accept(service.database, space=SIX, search=search, budget={"trials": 50})
    service.start(service.train(note), slots=2)
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert job.reason == "every configuration of the space has been tried"
    assert len(trained) == len({str(sorted(params.items())) for params in trained}) == 6


def test_a_job_completes_when_its_target_is_reached(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 50, "target": 0.5})
    service.start(service.train(lambda assignment: complete(assignment.number / 10)))
    (job,) = service.run(job_id)
    assert (job.state, job.reason) == (
        JobState.COMPLETED,
        "the target 0.5 was reached by trial 5",
    )
    assert job.trials[TrialState.COMPLETE] == 6


def test_a_target_of_a_loss_is_reached_from_above(service: Service) -> None:
    objective = {"metric": "val_loss"}
    job_id = accept(service.database, objective=objective, budget={"trials": 9, "target": 0.5})
    service.start(service.train(lambda assignment: complete(0.9 - assignment.number / 5)))
    (job,) = service.run(job_id)
    assert job.reason == "the target 0.5 was reached by trial 2"


def test_a_job_completes_when_its_time_is_up_and_lets_running_trials_finish(
    service: Service,
) -> None:
    job_id = accept(service.database, budget={"trials": 50, "time_s": 3600})

    def let_time_pass(assignment: Assignment) -> Outcome:
        if assignment.number == 2:
            with service.database.write() as tx:
                jobs.add_elapsed(tx, job_id, 3601)
        return _good(assignment)

    service.start(service.train(let_time_pass), slots=2)
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert job.reason == "the time budget of 3600 s is used up"
    assert job.trials[TrialState.COMPLETE] == 4


def test_ten_failures_in_a_row_fail_the_job(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 50})
    service.start(
        service.train(lambda trial: _good(trial) if trial.number == 0 else _infeasible(trial))
    )
    (job,) = service.run(job_id)
    assert job.state is JobState.FAILED
    assert job.reason == "10 trials in a row had no value; the last: trial 10 became nan"
    assert job.trials[TrialState.INFEASIBLE] == 10
    assert job.best is not None


def test_a_job_none_of_whose_trials_had_a_value_has_failed(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 3})
    service.start(service.train(_infeasible))
    (job,) = service.run(job_id)
    assert job.state is JobState.FAILED
    assert job.reason == "no trial had a value; the last: trial 2 became nan"


@every_engine
def test_infeasible_trials_never_end_a_job_that_has_others(service: Service, engine: str) -> None:
    search = {"engine": engine}
    job_id = accept(service.database, search=search, budget={"trials": 24})
    service.start(
        service.train(lambda trial: _infeasible(trial) if trial.number % 10 else _good(trial))
    )
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert job.trials[TrialState.COMPLETE] == 3
    assert job.trials[TrialState.INFEASIBLE] == 21


def test_a_value_that_comes_while_the_scheduler_looks_is_a_value(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial ends after the scheduler has read the job and before it reads the trials."""
    job_id = accept(service.database, budget={"trials": 1})
    service.start(_hang)
    service.tick(2)
    read = jobs.unended_jobs

    def read_and_finish(tx: Transaction, next_queued: int) -> list[Job]:
        found = read(tx, next_queued)
        for lease in service.executor.leases:
            service.train(_good)(lease)
        return found

    monkeypatch.setattr(jobs, "unended_jobs", read_and_finish)
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert job.best is not None


def test_cancelling_a_job_ends_its_processes_and_leaves_others_alone(service: Service) -> None:
    cancelled, other = accept(service.database), accept(service.database)
    service.start(_hang, slots=2)
    service.tick(2)
    leases = {
        row.lease: row.job_id
        for job_id in (cancelled, other)
        for row in _rows(service, job_id)
        if row.lease
    }
    service.cancel(cancelled)
    service.tick(4)
    assert [leases[lease] for lease in service.executor.killed] == [cancelled]
    assert service.job(other).trials[TrialState.RUNNING] == 2
    assert service.job(cancelled).trials[TrialState.CANCELLED] == 1


def _rows(service: Service, job_id: str) -> list[trials.TrialRow]:
    with service.database.read() as tx:
        return trials.rows_of_job(tx, job_id)


def test_a_job_that_is_cancelled_while_a_trial_is_asked_for_gets_none(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = accept(service.database)
    ask = JobStudy.ask

    def cancel_and_ask(study: JobStudy) -> Asked:
        service.cancel(job_id)
        return ask(study)

    monkeypatch.setattr(JobStudy, "ask", cancel_and_ask)
    service.start(_hang)
    service.tick(3)
    assert service.trials(job_id) == []
    assert service.executor.free == 1
    assert service.job(job_id).state is JobState.CANCELLED


def test_a_job_that_is_deleted_while_a_trial_is_asked_for_leaves_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = accept(service.database)
    ask = JobStudy.ask

    def delete_and_ask(study: JobStudy) -> Asked:
        service.cancel(job_id)
        with service.database.write() as tx:
            jobs.delete_job(tx, job_id)
        return ask(study)

    monkeypatch.setattr(JobStudy, "ask", delete_and_ask)
    service.start(_hang)
    service.tick(3)
    assert service.trials(job_id) == []
    assert service.executor.free == 1


def test_a_deleted_job_s_retraining_ends_with_its_process(service: Service) -> None:
    retraining_id = _retrain(service, repeats=2)
    service.start(_hang)
    service.tick(2)
    (lease,) = service.executor.leases
    with service.database.write() as tx:
        job_id = retrainings.read_retraining(tx, retraining_id).job_id
        jobs.delete_job(tx, job_id)
    service.tick(4)
    assert service.executor.killed == [lease]
    assert service.executor.free == 1


def test_a_process_that_has_just_finished_may_say_so_before_it_is_killed(service: Service) -> None:
    """Its trial ends in the database a moment before its slot does."""
    accept(service.database, budget={"trials": 1})

    def finish_and_hang(lease: Lease) -> None:
        service.train(_good)(lease)
        raise ProcessHangs

    service.start(finish_and_hang)
    service.tick(2)
    assert service.executor.killed == []
    service.now += LETTING_GO_S
    service.tick(2)
    assert len(service.executor.killed) == 1


def test_a_trial_whose_process_died_is_run_again_and_told_once(service: Service) -> None:
    deaths = itertools.count()

    def die_at_first(lease: Lease) -> None:
        if next(deaths) == 0:
            raise ProcessDied("its process was killed by signal 9")
        service.train(_good)(lease)

    job_id = accept(service.database, budget={"trials": 3})
    service.start(die_at_first)
    (job,) = service.run(job_id)
    assert job.trials[TrialState.COMPLETE] == 3
    lost, again = service.trials(job_id)[0].attempts
    assert (lost.outcome, lost.reason) == ("lost", "its process was killed by signal 9")
    assert again.outcome == "complete"


def test_a_trial_whose_processes_all_die_fails_and_the_job_goes_on(service: Service) -> None:
    def die_with_the_first(assignment: Assignment) -> Outcome:
        if assignment.number == 0:
            raise ProcessDied("its process was killed by signal 9")
        return _good(assignment)

    job_id = accept(service.database, budget={"trials": 3})
    service.start(service.train(die_with_the_first))
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    first = service.trials(job_id)[0]
    assert first.state is TrialState.FAILED
    assert first.reason == "its process was killed by signal 9, the last of 3 attempts"
    assert len(first.attempts) == 3


def test_a_silent_process_loses_its_trial_and_is_killed(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 1})
    accounts = iter([_hang, service.train(_good)])
    service.start(lambda lease: next(accounts)(lease))
    service.tick(2)
    (silent,) = service.executor.leases
    service.now += 31
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert service.executor.killed == [silent]
    (trial,) = service.trials(job_id)
    assert [attempt.outcome for attempt in trial.attempts] == ["lost", "complete"]
    assert trial.attempts[0].reason == "its process showed no life for 30 s"


def test_a_process_that_beats_keeps_its_trial_however_long_it_takes(service: Service) -> None:
    accept(service.database)
    service.start(_hang)
    service.tick(2)
    (lease,) = service.executor.leases
    for _ in range(5):
        service.now += 20
        with service.database.write() as tx:
            leases.beat(tx, lease)
        service.tick()
    assert service.executor.leases == [lease]
    assert service.executor.killed == []


def test_a_training_that_hangs_is_ended_run_again_once_and_then_failed(service: Service) -> None:
    """Its process beats all the time: what is missing are epochs."""
    job_id = accept(service.database, budget={"trials": 2})
    service.settings = service.settings.model_copy(update={"epoch_limit_s": 100})
    service.start(
        lambda lease: _hang(lease) if lease.trial_id == 1 else service.train(_good)(lease)
    )
    service.tick(2)
    (first,) = service.executor.leases
    for epoch in range(1, 9):  # as long as epochs end, it may take any time
        service.now += 90
        with service.database.write() as tx:
            leases.report(tx, first, {epoch: {"val_accuracy": 0.5}})
        service.tick()
    assert service.executor.killed == []
    for _ in range(100):
        for lease in service.executor.leases:
            with suppress(LeaseLost), service.database.write() as tx:
                leases.beat(tx, lease)
        service.now += 9
        service.tick()
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED, "the slot was free for the other trial"
    hung, good = service.trials(job_id)
    assert hung.state is TrialState.FAILED
    assert hung.reason == "no epoch ended for 100 s, the last of 2 attempts"
    assert [attempt.outcome for attempt in hung.attempts] == ["hung", "hung"]
    assert len(service.executor.killed) == 2
    assert good.state is TrialState.COMPLETE


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_ends_no_lease(
    service: Service, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    job_id = accept(service.database, budget={"trials": 1})
    finish = []
    service.start(lambda lease: finish.append(lease) or _hang(lease))
    service.tick(2)
    (lease,) = service.executor.leases
    jumped = time.time() + hours * 3600
    monkeypatch.setattr(database_module, "time", SimpleNamespace(time=lambda: jumped))
    service.tick(10)
    assert service.executor.leases == finish == [lease]
    service.train(_good)(lease)
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert [attempt.outcome for attempt in service.trials(job_id)[0].attempts] == ["complete"]


@contextmanager
def _locked(service: Service) -> Iterator[None]:
    """Another process holds the database; the scheduler waits for it for a moment each time."""
    own, path = service.scheduler._database, str(service.database.engine.url.database)
    hasty = Database(str(own.engine.url), lock_wait_s=0.01)
    service.scheduler._database = service.scheduler._time._database = hasty
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    hasty.close()
    service.scheduler._database = service.scheduler._time._database = own


@every_engine
def test_trials_train_on_while_the_database_is_locked_and_the_search_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """A process dies, another trains on, a third trial is to be asked for: none is lost."""
    proposals = []
    for locked in (False, True):
        service = Service(tmp_path / str(locked), monkeypatch)
        search = {"engine": engine, "seed": 5}
        resources = {"parallel": 1, "gpus": 0}
        job_id = accept(service.database, search=search, budget={"trials": 15}, resources=resources)
        service.start(service.train(_good))
        while len(service.trials(job_id)) < 13:
            service.tick()
        if locked:
            with _locked(service):
                service.executor._run = _die
                service.tick(20)
            service.executor._run = service.train(_good)
        (job,) = service.run(job_id)
        assert job.trials[TrialState.COMPLETE] == 15
        done = service.trials(job_id)
        proposals.append([(trial.number, trial.params, trial.seed) for trial in done])
        if locked:
            tried = [attempt.outcome for attempt in done[12].attempts]
            assert tried == ["lost", "complete"]
            assert done[12].attempts[0].reason == "its process is gone"
        service.database.close()
    assert proposals[0] == proposals[1]


def _die(_lease: Lease) -> None:
    raise ProcessDied("its process was killed by signal 9")


def test_a_database_that_was_locked_for_longer_than_a_lease_ends_none(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 1})
    service.start(_hang)
    service.tick(2)
    (lease,) = service.executor.leases
    with _locked(service):
        service.tick(100)
    service.tick(10)
    assert service.executor.leases == [lease]
    service.train(_good)(lease)
    service.run(job_id)
    assert len(service.trials(job_id)[0].attempts) == 1


@every_engine
def test_after_a_restart_a_job_goes_on_as_it_would_have_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    def account(assignment: Assignment) -> Outcome:
        return _infeasible(assignment) if assignment.number == 3 else _good(assignment)

    def crash(assignment: Assignment) -> Outcome:
        if assignment.number == 13:
            raise ProcessHangs
        return account(assignment)

    proposals = []
    for restarted in (False, True):
        service = Service(tmp_path / str(restarted), monkeypatch)
        search = {"engine": engine, "seed": 5}
        job_id = accept(service.database, search=search, budget={"trials": 16})
        if restarted:
            service.start(service.train(crash))
            while len(service.trials(job_id)) < 14:
                service.tick()
        service.start(service.train(account))
        (job,) = service.run(job_id)
        assert job.state is JobState.COMPLETED
        done = service.trials(job_id)
        proposals.append([(trial.params, trial.seed, trial.state) for trial in done])
        service.database.close()
    assert proposals[0] == proposals[1]


@pytest.mark.parametrize("restarts", [False, True])
def test_trials_that_no_result_changes_run_one_architecture_after_the_other(
    service: Service, restarts: bool
) -> None:
    space = {
        **SIX,
        "units_1": {"type": "choice", "values": [16, 32]},
        "activation": "relu",
        "learning_rate": {"type": "choice", "values": [0.001, 0.002, 0.003]},
    }
    search, budget = {"sampler": "random"}, {"trials": 6}
    job_id = accept(service.database, space=space, search=search, budget=budget)
    study = study_of(service.job(job_id).request)
    foreseen = [study.ask().params for _ in range(6)]
    begun: list[int] = []

    def account(assignment: Assignment) -> Outcome:
        begun.append(assignment.number)
        return _good(assignment)

    service.start(service.train(account))
    if restarts:
        while len(begun) < 2:
            service.tick()
        service.start(service.train(account))
    (job,) = service.run(job_id)
    assert job.reason == "the budget of 6 trials is used up"
    trials = service.trials(job_id)
    assert [trial.params for trial in trials] == foreseen
    seed = job.request.search.seed
    assert [trial.seed for trial in trials] == [trial_seed(seed, number) for number in range(6)]
    if not restarts:  # which forgets what is warm
        units = [params["units_1"] for params in foreseen]
        assert begun == sorted(range(6), key=lambda number: (units[number] != units[0], number))
        assert begun != list(range(6))


def test_alike_trials_that_fail_in_a_row_fail_no_job_whose_trials_are_mixed(
    service: Service,
) -> None:
    def account(assignment: Assignment) -> Outcome:
        return (_infeasible if assignment.params["units_1"] == 64 else _good)(assignment)

    rates = {"type": "choice", "values": [0.001, 0.002, 0.003, 0.004, 0.005]}
    space = {**SIX, "activation": "relu", "learning_rate": rates}
    search, budget = {"sampler": "random"}, {"trials": 15, "failures": 4}
    job_id = accept(service.database, space=space, search=search, budget=budget)
    service.start(service.train(account))
    (job,) = service.run(job_id)
    assert (job.state, job.trials[TrialState.INFEASIBLE]) == (JobState.COMPLETED, 5)


def test_trials_run_in_their_order_where_a_limit_may_end_the_search(service: Service) -> None:
    begun: list[int] = []

    def account(assignment: Assignment) -> Outcome:
        begun.append(assignment.number)
        return _good(assignment)

    space = {**SIX, "learning_rate": {"type": "choice", "values": [0.001, 0.002, 0.003]}}
    search, budget = {"sampler": "random"}, {"trials": 9, "time_s": 1000}
    job_id = accept(service.database, space=space, search=search, budget=budget)
    service.start(service.train(account))
    service.run(job_id)
    assert begun == list(range(9))


def test_a_trial_that_is_enqueued_between_two_gets_a_number_of_its_own(service: Service) -> None:
    space = {**SIX, "learning_rate": {"type": "choice", "values": [0.001, 0.002, 0.003]}}
    search, budget = {"sampler": "random"}, {"trials": 12}
    job_id = accept(service.database, space=space, search=search, budget=budget)
    service.start(service.train(_good))
    tried: dict[int, Params] = {}
    while len(tried) <= max(tried, default=0):  # none is left out
        service.tick()
        tried = {trial.number: trial.params for trial in service.trials(job_id)}
    space_of_job = SearchSpace.parse(space)
    own = next(p for p in configurations(space_of_job) if p not in tried.values())
    with service.database.write() as tx:
        number, _ = jobs.enqueue_trial(tx, job_id, own)
    assert number == max(tried) + 1
    service.run(job_id)
    done = service.trials(job_id)
    assert [trial.number for trial in done] == list(range(12))
    assert len({str(trial.params) for trial in done}) == 12


@pytest.mark.parametrize("orderly", [True, False])
def test_a_trial_that_ran_when_the_scheduler_ended_is_run_again_however_often(
    service: Service, orderly: bool
) -> None:
    job_id = accept(service.database, budget={"trials": 1})
    for _ in range(leases.MAX_ATTEMPTS + 1):
        service.start(_hang)
        service.tick(2)
        if orderly:
            service.scheduler.stop()
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    (trial,) = service.trials(job_id)
    assert [attempt.outcome for attempt in trial.attempts] == ["stopped"] * 4 + ["complete"]


def test_an_ended_job_is_left_alone_after_a_restart(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 2})
    service.start(service.train(_good))
    before = service.run(job_id)
    service.start(service.train(_good))
    service.tick(3)
    assert [service.job(job_id)] == before


def test_the_same_seed_gives_the_same_trials_and_another_gives_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for index, seed in enumerate((3, 3, 4)):
        service = Service(tmp_path / str(index), monkeypatch)
        job_id = accept(service.database, search={"seed": seed}, budget={"trials": 12})
        service.start(service.train(_good))
        service.run(job_id)
        found.append([(t.params, t.seed, t.value) for t in service.trials(job_id)])
        service.database.close()
    assert found[0] == found[1]
    assert not any(trial in found[2] for trial in found[0])


def test_seeds_of_trials_are_whole_numbers_of_31_bits_and_differ() -> None:
    seeds = {trial_seed(search, number) for search in range(30) for number in range(30)}
    assert len(seeds) == 900
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_sampler_that_raises_fails_its_own_job_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_call: Call) -> BaseSampler:
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setitem(SAMPLERS["optuna"], "random", Sampler(fail))
    broken = accept(service.database, search={"sampler": "random"})
    healthy = accept(service.database, budget={"trials": 3})
    service.start(service.train(_good))
    first, second = service.run(broken, healthy)
    assert first.state is JobState.FAILED
    assert first.reason == "the sampler failed: ZeroDivisionError: nothing to divide by"
    assert second.state is JobState.COMPLETED


class SlowSampler:
    """TPE that waits, each time it is asked, until it may answer."""

    SEARCH: ClassVar = {"sampler": "tpe"}

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: str = "optuna") -> None:
        self._may_answer = threading.Event()
        quick = SAMPLERS[engine]["tpe"]

        def make(call: Call) -> BaseSampler:
            self._may_answer.wait()
            assert quick.make is not None
            return quick.make(call)

        monkeypatch.setitem(SAMPLERS[engine], "tpe", replace(quick, make=make))

    def answer(self) -> None:
        """Returns when it has answered; from now on it answers at once."""
        self._may_answer.set()
        for thread in threading.enumerate():
            if thread.name == "sampler":
                thread.join()


def test_while_a_sampler_thinks_other_jobs_go_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = SlowSampler(monkeypatch)
    slow = accept(service.database, search=SlowSampler.SEARCH, budget={"trials": 1})
    service.start(service.train(_good), patience_s=0)
    service.tick()
    quick = accept(service.database, search={"sampler": "grid"}, space=SIX, budget={"trials": 3})
    (job,) = service.run(quick)
    assert job.state is JobState.COMPLETED
    assert service.trials(slow) == []
    sampler.answer()
    service.run(slow)
    assert [trial.number for trial in service.trials(slow)] == [0]


def test_a_slot_is_kept_for_a_job_of_higher_priority_whose_sampler_thinks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = SlowSampler(monkeypatch)
    low = accept(service.database, search={"sampler": "grid"}, space=SIX)
    accept(service.database, search=SlowSampler.SEARCH, priority=1)
    service.start(service.train(_good), patience_s=0)
    service.tick(3)
    assert service.trials(low) == []
    sampler.answer()


def test_a_job_that_is_cancelled_while_its_sampler_thinks_gets_no_trial(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = SlowSampler(monkeypatch)
    job_id = accept(service.database, search=SlowSampler.SEARCH)
    service.start(service.train(_good), patience_s=0)
    service.tick()
    service.cancel(job_id)
    sampler.answer()
    service.tick(3)
    assert service.trials(job_id) == []


@every_engine
def test_a_job_whose_sampler_takes_long_tries_what_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    def searched(patience_s: float) -> list[Params]:
        service = Service(tmp_path / str(patience_s), monkeypatch)
        search = {**SlowSampler.SEARCH, "engine": engine}
        job_id = accept(service.database, search=search, budget={"trials": 12})
        service.start(service.train(_good), patience_s=patience_s)
        while not service.job(job_id).state.ended:
            service.tick()
            sampler.answer()
        tried = [trial.params for trial in service.trials(job_id)]
        service.database.close()
        return tried

    sampler = SlowSampler(monkeypatch, engine)
    late = searched(patience_s=0)
    assert late == searched(patience_s=60)


def _retrain(service: Service, repeats: int) -> str:
    job_id = accept(service.database, budget={"trials": 1})
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    assert job.best is not None
    with service.database.write() as tx:
        request = RetrainingRequest(repeats=repeats, seed=100)
        return retrainings.add_retraining(tx, job_id, request, job.best.params)


def _run_retraining(service: Service, retraining_id: str) -> Retraining:
    for _ in range(50):
        with service.database.read() as tx:
            retraining = retrainings.read_retraining(tx, retraining_id)
        if retraining.state != "running":
            return retraining
        service.tick()
    pytest.fail("the retraining goes on and on")


def _repeat(assignment: Assignment) -> Outcome:
    error = assignment.number / 10
    return Outcome(
        TrialState.COMPLETE,
        value=1 - error,
        best_epoch=4,
        metrics={f"{part}_accuracy": 1 - error for part in ("train", "validation", "test")},
        result={
            "classes": ["a", "b"],
            "confusion": [[1, 0], [0, 1]],
            "class_errors": [error, 0.0],
        },
        model_sha256="0" * 64,
    )


def test_a_retraining_runs_its_repeats_and_leaves_a_report(service: Service) -> None:
    retraining_id = _retrain(service, repeats=3)
    service.start(service.train(_repeat), slots=2)
    retraining = _run_retraining(service, retraining_id)
    assert (retraining.state, retraining.reason) == ("completed", None)
    assert service.executor.most == 2
    report = retraining.report
    assert report is not None
    assert report["summary"]["test_accuracy"]["mean"] == pytest.approx(0.9)
    folder = service.settings.retraining_dir(retraining.job_id, retraining_id)
    assert json.loads((folder / "report.json").read_text()) == report
    with (folder / "class_error.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["repeat", "a", "b", "mean"]


def test_a_retraining_of_which_a_part_failed_says_so(service: Service) -> None:
    retraining_id = _retrain(service, repeats=3)
    service.start(service.train(lambda r: _infeasible(r) if r.number == 1 else _repeat(r)))
    retraining = _run_retraining(service, retraining_id)
    assert retraining.state == "completed"
    assert retraining.reason == "1 of 3 repeats failed: trial 1 became nan"
    assert retraining.report is not None
    repeats = retraining.report["repeats"]
    assert [repeat["seed"] for repeat in repeats] == [100, 102]


def test_a_retraining_of_which_all_failed_has_failed(service: Service) -> None:
    retraining_id = _retrain(service, repeats=2)
    service.start(service.train(_infeasible))
    retraining = _run_retraining(service, retraining_id)
    assert retraining.state == "failed"
    assert retraining.reason == "2 of 2 repeats failed: trial 0 became nan"
    assert retraining.report is None


def test_a_lost_repeat_is_run_again(service: Service) -> None:
    retraining_id = _retrain(service, repeats=2)
    deaths = itertools.count()

    def die_at_first(lease: Lease) -> None:
        if next(deaths) == 0:
            raise ProcessDied("out of memory")
        service.train(_repeat)(lease)

    service.start(die_at_first)
    assert _run_retraining(service, retraining_id).reason is None


# Control


def _control(service: Service, step: Callable[..., object], job_id: str, *more: object) -> None:
    with service.database.write() as tx:
        step(tx, job_id, *more)


def _change(service: Service, job_id: str, **parts: object) -> None:
    _control(service, jobs.change_job, job_id, JobChange.model_validate(parts))


def test_time_is_counted_while_the_job_runs_and_somebody_serves(service: Service) -> None:
    job_id = accept(service.database)

    def see_for(seconds: float) -> None:
        service.scheduler.tick(0)
        service.now += seconds
        service.scheduler.tick(0)

    for seconds in (5, 7):
        service.start(_hang)
        service.scheduler.tick(0)  # in which it begins, or is found
        see_for(seconds)
        service.now += 1000  # in which nobody serves
    assert service.job(job_id).progress.elapsed_s == 12
    service.start(_hang)
    _control(service, jobs.pause_job, job_id)
    see_for(50)
    assert service.job(job_id).progress.elapsed_s == 12


def test_a_job_is_queued_until_its_first_trial_begins(service: Service) -> None:
    first, second = accept(service.database), accept(service.database)
    service.start(_hang)
    service.tick(2)
    assert service.job(first).state is JobState.RUNNING
    assert service.job(second).state is JobState.QUEUED
    assert service.job(second).progress.elapsed_s == 0


def test_a_paused_job_finishes_what_runs_and_begins_nothing(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 9})
    service.start(service.train(_good), slots=2)
    service.tick()
    _control(service, jobs.pause_job, job_id)
    service.tick(9)
    job = service.job(job_id)
    assert job.state is JobState.PAUSED
    assert job.trials[TrialState.COMPLETE] == 2
    _control(service, jobs.resume_job, job_id)
    (job,) = service.run(job_id)
    assert job.trials[TrialState.COMPLETE] == 9


def test_a_trial_that_is_lost_during_a_pause_waits_for_its_end(service: Service) -> None:
    def die(_lease: Lease) -> None:
        raise ProcessDied("killed")

    job_id = accept(service.database, budget={"trials": 1})
    service.start(die)
    service.tick()
    _control(service, jobs.pause_job, job_id)
    service.tick(5)
    assert service.job(job_id).trials[TrialState.QUEUED] == 1
    service.start(service.train(_good))
    service.tick(3)
    assert service.executor.most == 0
    _control(service, jobs.resume_job, job_id)
    (job,) = service.run(job_id)
    assert job.trials[TrialState.COMPLETE] == 1


def test_a_stopped_job_completes_when_what_runs_has_finished_across_a_restart(
    service: Service,
) -> None:
    job_id = accept(service.database, budget={"trials": 9})
    service.start(_hang, slots=2)
    service.tick()
    _control(service, jobs.stop_job, job_id)
    service.tick(3)
    assert service.job(job_id).state is JobState.STOPPING
    service.start(service.train(_good), slots=2)
    (job,) = service.run(job_id)
    assert (job.state, job.reason) == (JobState.COMPLETED, "it was stopped")
    assert job.trials[TrialState.COMPLETE] == 2


def test_a_job_that_is_stopped_before_its_first_trial_completes(service: Service) -> None:
    job_id = accept(service.database)
    _control(service, jobs.stop_job, job_id)
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    assert (job.state, job.reason) == (JobState.COMPLETED, "it was stopped")
    assert service.trials(job_id) == []


@every_engine
def test_an_extended_job_proposes_what_it_would_have_with_that_budget_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    proposals = []
    for first in (14, 11):
        service = Service(tmp_path / str(first), monkeypatch)
        job_id = accept(service.database, search={"engine": engine}, budget={"trials": first})
        service.start(service.train(_good))
        service.run(job_id)
        _change(service, job_id, budget={"trials": 14})
        (job,) = service.run(job_id)
        assert (job.state, job.reason) == (JobState.COMPLETED, "the budget of 14 trials is used up")
        proposals.append([trial.params for trial in service.trials(job_id)])
        service.database.close()
    assert len(proposals[0]) == 14
    assert proposals[0] == proposals[1]


def test_a_budget_that_shrinks_ends_a_job_that_is_past_it(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 50})
    service.start(service.train(_good))
    service.tick(6)
    done = len(service.trials(job_id))
    _change(service, job_id, budget={"trials": 2})
    (job,) = service.run(job_id)
    assert job.reason == "the budget of 2 trials is used up"
    assert job.trials[TrialState.COMPLETE] == job.progress.total == done > 2


def test_a_job_that_is_extended_while_it_ends_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change comes after the scheduler has found that the budget is used up."""
    job_id = accept(service.database, budget={"trials": 1})
    service.start(service.train(_good))
    is_as_seen = jobs.is_as_seen

    def extend_and_look(tx: object, job: Job) -> bool:
        if job.trials[TrialState.COMPLETE] == 1:
            jobs.change_job(tx, job_id, JobChange.model_validate({"budget": {"trials": 3}}))
        return is_as_seen(tx, job)

    monkeypatch.setattr(jobs, "is_as_seen", extend_and_look)
    (job,) = service.run(job_id)
    assert job.trials[TrialState.COMPLETE] == 3


def test_parallel_changes_while_the_job_runs(service: Service) -> None:
    job_id = accept(service.database, resources={"parallel": 1})
    service.start(_hang, slots=3)
    service.tick(2)
    assert service.executor.free == 2
    _change(service, job_id, resources={"parallel": 3})
    service.tick(2)
    assert service.executor.free == 0


def test_enqueued_params_are_tried_next_and_survive_a_restart(service: Service) -> None:
    job_id = accept(service.database, space=SIX, budget={"trials": 6})
    service.start(service.train(_good))
    service.tick(4)
    known = {str(trial.params) for trial in service.trials(job_id)}
    space = SearchSpace.parse(service.job(job_id).request.space)
    own = next(p for p in map(space.sample, map(Random, range(99))) if str(p) not in known)
    with service.database.write() as tx:
        number, _ = jobs.enqueue_trial(tx, job_id, own)
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    done = service.trials(job_id)
    assert number == len(known)
    assert done[number].params == own
    assert job.trials[TrialState.COMPLETE] == len({str(trial.params) for trial in done}) == 6


def test_params_that_are_enqueued_for_an_ended_job_wake_it(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 1})
    service.start(service.train(_good))
    service.run(job_id)
    with service.database.write() as tx:
        jobs.enqueue_trial(tx, job_id, {**QUICK, "learning_rate": 0.003})
    (job,) = service.run(job_id)
    assert (job.trials[TrialState.COMPLETE], job.progress.total) == (2, 2)
    assert job.best is not None
    assert job.best.number == 1


def test_a_trial_that_is_enqueued_while_another_is_asked_for_takes_its_number(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = accept(service.database, budget={"trials": 3})
    ask = JobStudy.ask

    def enqueue_and_ask(study: JobStudy) -> Asked:
        _control(service, jobs.enqueue_trial, job_id, QUICK)
        return ask(study)

    monkeypatch.setattr(JobStudy, "ask", enqueue_and_ask)
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    done = service.trials(job_id)
    assert done[0].params == QUICK
    assert job.trials[TrialState.COMPLETE] == len(done) == 3


def test_a_retried_trial_counts_as_if_it_had_never_failed(service: Service) -> None:
    broken = True

    def die_while_broken(assignment: Assignment) -> Outcome:
        if broken and assignment.number == 1:
            raise ProcessDied("killed")
        return _good(assignment)

    job_id = accept(service.database, budget={"trials": 4})
    service.start(service.train(die_while_broken))
    (job,) = service.run(job_id)
    assert job.trials[TrialState.FAILED] == 1
    broken = False
    _control(service, jobs.retry_job, job_id)
    (job,) = service.run(job_id)
    assert job.trials[TrialState.COMPLETE] == 4
    assert job.reason == "the budget of 4 trials is used up"
    assert service.trials(job_id)[1].reason is None


# Budgets


def test_epochs_over_all_trials_end_a_job(service: Service) -> None:
    job_id = accept(service.database, budget={"trials": 50, "epochs_total": 4})
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    assert job.reason == "the budget of 4 epochs over all trials is used up"
    assert job.trials[TrialState.COMPLETE] == 4


def test_as_many_failures_in_a_row_fail_a_job_as_it_says_and_more_have_it_go_on(
    service: Service,
) -> None:
    job_id = accept(service.database, budget={"trials": 50, "failures": 2})
    service.start(service.train(_infeasible))
    (job,) = service.run(job_id)
    assert job.reason == "2 trials in a row had no value; the last: trial 1 became nan"
    _change(service, job_id, budget={"failures": 5})
    (job,) = service.run(job_id)
    assert job.reason == "5 trials in a row had no value; the last: trial 4 became nan"


@pytest.mark.parametrize("epochs", [0, 3])
def test_a_trial_that_overruns_its_time_limit_by_far_ends_with_what_it_has(
    service: Service, epochs: int
) -> None:
    job_id = accept(service.database, budget={"trials": 1, "trial_time_s": 10})
    service.start(_hang)
    service.tick(2)
    (lease,) = service.executor.leases
    for epoch in range(1, epochs + 1):
        with service.database.write() as tx:
            leases.report(tx, lease, {epoch: {"val_accuracy": [0.0, 0.5, 0.75, 0.25][epoch]}})
    while service.trials(job_id)[0].state is TrialState.RUNNING:
        assert service.executor.killed == []
        with service.database.write() as tx:
            leases.beat(tx, lease)
        service.now += 9
        service.tick()
    assert service.now >= 1000 + 2 * 10 + OVERRUN_S
    service.tick(4)
    (trial,) = service.trials(job_id)
    assert trial.reason == "it overran its time limit of 10 s"
    assert service.executor.killed == [lease]
    if epochs:
        assert (trial.state, trial.value, trial.best_epoch) == (TrialState.PRUNED, 0.75, 2)
        assert service.job(job_id).state is JobState.COMPLETED
    else:
        assert (trial.state, trial.value) == (TrialState.INFEASIBLE, None)


# Sharing


def _running(service: Service, job_id: str) -> int:
    return sum(row.state is TrialState.RUNNING for row in _rows(service, job_id))


def test_a_higher_priority_goes_first_whenever_it_came(service: Service) -> None:
    low = accept(service.database, budget={"trials": 9})
    service.start(service.train(_good))
    service.tick(3)
    begun = len(service.trials(low))
    high = accept(service.database, budget={"trials": 4}, priority=1)
    service.run(high)
    assert len(service.trials(low)) <= begun + 1


def test_jobs_take_turns_at_the_only_slot(service: Service) -> None:
    long = accept(service.database, budget={"trials": 50})
    service.start(service.train(_good))
    service.tick(9)
    begun = len(service.trials(long))
    short = accept(service.database, budget={"trials": 4})
    service.run(short)
    assert 3 <= len(service.trials(long)) - begun <= 6


def test_a_thousand_repeats_leave_room_for_searches_and_searches_for_them(
    service: Service,
) -> None:
    retraining_id = _retrain(service, repeats=1000)
    job_id = accept(service.database, budget={"trials": 5})
    service.start(service.train(lambda a: _repeat(a) if a.retraining_id else _good(a)))
    service.run(job_id)
    with service.database.read() as tx:
        ended = [row for row in trials.repeats_of(tx, retraining_id) if row.state.ended]
    assert 4 <= len(ended) <= 6


def test_repeats_count_for_what_their_job_may_run_at_once(service: Service) -> None:
    job_id = accept(service.database, resources={"parallel": 2})
    with service.database.write() as tx:
        retrainings.add_retraining(tx, job_id, RetrainingRequest(repeats=9), QUICK)
    service.start(_hang, slots=4)
    service.tick(3)
    assert service.executor.free == 2
    assert _running(service, job_id) == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_first_params_and_earlier_jobs_are_known_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    def searched(folder: Path, *, restarted: bool) -> list[Params]:
        service = Service(folder, monkeypatch)
        earlier = accept(service.database, budget={"trials": 12})
        service.start(service.train(_good))
        service.run(earlier)
        known = [trial.params for trial in service.trials(earlier)]
        job_id = accept(
            service.database,
            search={"start_from": known[:2], "warm_start": [earlier]},
            budget={"trials": 6},
        )
        if restarted:
            service.start(service.train(_good))
            while len(service.trials(job_id)) < 2:
                service.tick()
            with service.database.write() as tx:
                jobs.delete_job(tx, earlier)
        service.start(service.train(_good))
        (job,) = service.run(job_id)
        assert job.warm_start is not None
        assert job.warm_start.taken == 12
        service.database.close()
        found = [trial.params for trial in service.trials(job_id)]
        assert found[:2] == known[:2]
        return found

    once = searched(tmp_path / "once", restarted=False)
    assert searched(tmp_path / "again", restarted=restarted) == once


def test_a_job_of_several_objectives_ends_with_its_pareto_set(service: Service) -> None:
    def account(assignment: Assignment) -> Outcome:
        layers = float(str(assignment.params["layers"]))
        metrics = {"val_accuracy": layers / 10, "parameters": 100 * layers}
        return replace(complete(metrics["val_accuracy"]), metrics=metrics)

    objective = [{"metric": "val_accuracy"}, {"metric": "parameters"}]
    job_id = accept(service.database, objective=objective, budget={"trials": 12})
    service.start(service.train(account), slots=2)
    (job,) = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert job.best is None
    assert len(job.pareto) == 12  # a better accuracy always costs parameters


def test_a_changed_budget_may_bring_another_sampler(service: Service) -> None:
    job_id = accept(service.database, space=SIX, budget={"trials": 3})
    service.start(service.train(_good))
    (job,) = service.run(job_id)
    assert job.sampler.name == "tpe"
    with service.database.write() as tx:
        jobs.change_job(tx, job_id, JobChange.model_validate({"budget": {"trials": 6}}))
    (job,) = service.run(job_id)
    assert job.sampler.name == "brute_force"
    assert len({repr(trial.params) for trial in service.trials(job_id)}) == 6
