"""Searches whose trials are pruned, at rungs or by the scheduler, through the real scheduler."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from kerasearch.service import reports as reports_module
from kerasearch.service import scheduler as scheduler_module
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.reports import Ladder, Reports
from kerasearch.service.scheduler import Scheduler
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs, leases, trial_views
from kerasearch.service.store.leases import Lease, Outcome, StoredCheckpoint
from kerasearch.service.testing import FakeExecutor, ProcessHangs, accept, new_database
from kerasearch.service.trials import Trial, TrialState

EPOCHS = 9
ASHA = {"pruner": "asha", "pruner_options": {"eta": 3, "min_epochs": 1}}


class Service:
    """A scheduler whose trials tell of their epochs and mind what they are told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings(data_dir=folder, workers=1)
        self.database = new_database(folder)
        self.now = 1000.0
        self.trained: list[tuple[int, int]] = []
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(scheduler_module, "time", clock)
        monkeypatch.setattr(reports_module, "time", clock)
        self.start()

    def start(self, run: Callable[[Lease], None] | None = None) -> None:
        self.executor = FakeExecutor(run or self.train, self.settings.slots)
        self.scheduler = Scheduler(self.settings, self.database, self.executor, patience_s=60)
        self.scheduler.recover()

    def accept(self, search: dict[str, object], trials: int = 9, **budget: object) -> str:
        search = {"sampler": "random", "seed": 4, **search}
        limits = {"trials": trials, "epochs": EPOCHS, **budget}
        return accept(self.database, search=search, budget=limits)

    def train(self, lease: Lease) -> None:
        """As an attempt does, with accuracies that grow by the trial's number."""
        with self.database.write() as tx:
            assignment = leases.begin(tx, lease, 1, "fake")
        reports = Reports(self.database, lease, ladder=Ladder.of(assignment))
        begun = 0 if assignment.checkpoint is None else assignment.checkpoint.epoch
        quality = (assignment.number * 7 % 10) / 20
        for epoch in range(begun + 1, EPOCHS + 1):
            self.trained.append((assignment.number, epoch))
            self.now += 1
            goes_on = reports.add(epoch, {"val_accuracy": quality + epoch / 100})
            if epoch < EPOCHS and not goes_on:
                break
        value = quality + epoch / 100
        state = TrialState.COMPLETE if epoch == EPOCHS else TrialState.PRUNED
        outcome = Outcome(
            state,
            reports.verdict if state is TrialState.PRUNED else None,
            value,
            epoch,
            {"val_accuracy": value},
            model_sha256="0" * 64,
            rung=reports.rung if state is TrialState.PRUNED else None,
        )
        reports.settle()
        with self.database.write() as tx:
            reports.write(tx)
            if outcome.rung is not None:
                checkpoint = StoredCheckpoint(lease.attempt, epoch, "0" * 64)
                leases.note_checkpoint(tx, lease, checkpoint)
            leases.finish(tx, lease, outcome)

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.scheduler.tick(0)
            self.now += 1

    def run(self, job_id: str) -> Job:
        for _ in range(300):
            if self.job(job_id).state.ended:
                return self.job(job_id)
            self.tick()
        pytest.fail(f"the job goes on and on: {self.job(job_id)}")

    def job(self, job_id: str) -> Job:
        with self.database.read() as tx:
            return jobs.read_job(tx, job_id)

    def trials(self, job_id: str) -> list[Trial]:
        with self.database.read() as tx:
            return trial_views.list_trials(tx, job_id, None, None, None)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service(tmp_path, monkeypatch)
    yield service
    service.database.close()


def test_a_search_by_successive_halving_completes_a_ninth_and_trains_no_epoch_twice(
    service: Service,
) -> None:
    job_id = service.accept(ASHA)
    job = service.run(job_id)
    assert (job.state, job.reason) == (JobState.COMPLETED, "the budget of 9 trials is used up")
    assert job.pruner.rungs == (1, 3)
    assert job.trials[TrialState.PRUNED] == 8
    assert job.best is not None
    assert job.best.number == max(range(9), key=lambda number: number * 7 % 10)
    done = service.trials(job_id)
    lengths = sorted(len(trial.values) for trial in done)
    assert lengths == [1, 1, 1, 1, 1, 1, 3, 3, 9]
    assert len(service.trained) == len(set(service.trained)) == sum(lengths)
    for trial in done:
        assert {attempt.outcome for attempt in trial.attempts[:-1]} <= {"pruned"}


def test_hyperband_halves_within_each_bracket_and_trains_no_epoch_twice(service: Service) -> None:
    job_id = service.accept({**ASHA, "pruner": "hyperband"}, trials=30)
    job = service.run(job_id)
    assert (job.state, job.pruner.rungs) == (JobState.COMPLETED, (1, 3))
    lengths: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for trial in service.trials(job_id):
        lengths[job.pruner.bracket(trial.number)].append(len(trial.values))
    assert [set(of_bracket) for of_bracket in lengths.values()] == [{1, 3, 9}, {3, 9}, {9}]
    for first, of_bracket in ((1, lengths[0]), (3, lengths[1])):
        went_on = sum(length > first for length in of_bracket)
        # Who was among the best when it came has gone on, though better ones came later.
        assert len(of_bracket) // 3 <= went_on < len(of_bracket) / 2
    assert len(service.trained) == len(set(service.trained)) == sum(map(sum, lengths.values()))


def test_a_restart_changes_nothing_in_what_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for ticks in (1000, 3):
        service = Service(tmp_path / str(ticks), monkeypatch)
        job_id = service.accept({**ASHA, "sampler": "tpe"}, trials=20)
        while not service.job(job_id).state.ended:
            service.start()
            service.tick(ticks if ticks < 1000 else 200)
        found.append(
            [
                (trial.number, trial.state, trial.params, trial.values)
                for trial in service.trials(job_id)
            ]
        )
        service.database.close()
    assert found[0] == found[1]


def test_epochs_of_continued_trials_count_once_in_the_budget(service: Service) -> None:
    job_id = service.accept(ASHA, trials=100, epochs_total=12)
    job = service.run(job_id)
    assert job.reason == "the budget of 12 epochs over all trials is used up"
    trained = sum(len(trial.values) for trial in service.trials(job_id))
    assert trained == len(service.trained) >= 12


def test_a_limit_keeps_trials_from_going_on_and_they_stay_pruned(service: Service) -> None:
    job_id = service.accept(ASHA, trials=100, time_s=3600)

    def pause_when_one_is_queued(lease: Lease) -> None:
        service.train(lease)
        if service.job(job_id).trials[TrialState.QUEUED]:
            with service.database.write() as tx:
                jobs.pause_job(tx, job_id)

    service.start(pause_when_one_is_queued)
    while service.job(job_id).state is not JobState.PAUSED:
        service.tick()
    service.tick(3)
    assert service.job(job_id).trials[TrialState.QUEUED] == 1
    with service.database.write() as tx:
        jobs.add_elapsed(tx, job_id, 3601)
        jobs.resume_job(tx, job_id)
    job = service.run(job_id)
    assert job.reason == "the time budget of 3600 s is used up"
    assert job.trials[TrialState.QUEUED] == job.trials[TrialState.CANCELLED] == 0
    assert all(trial.value is not None for trial in service.trials(job_id))
    assert job.best is not None, "no trial is complete: the best pruned one is best"


def test_the_scheduler_ends_a_trial_that_is_worse_than_the_median(service: Service) -> None:
    """The trial's process reports, and hears of it with a later report."""
    options = {"n_startup_trials": 2, "n_warmup_steps": 2}
    job_id = service.accept({"pruner": "median", "pruner_options": options}, trials=4)
    while len(service.trials(job_id)) < 4:
        service.tick()
    (lease,) = service.executor.leases
    with service.database.write() as tx:
        for epoch in (1, 2, 3):
            leases.report(tx, lease, {epoch: {"val_accuracy": 0.001 * epoch}})
    service.executor._run = _nothing
    service.tick(2)
    with service.database.write() as tx:
        verdict = leases.report(tx, lease, {4: {"val_accuracy": 0.001}})
    assert verdict == "median: its objective was 0.003 at epoch 3"


def _nothing(_lease: Lease) -> None:
    raise ProcessHangs


def test_a_plateau_ends_a_search_and_says_so(service: Service) -> None:
    """Accuracies by number: 0, 7, 4, 1, 8, 5, 2, 9, 6, 3, 0, ... twentieths."""
    job_id = service.accept({"pruner": "none"}, trials=50, plateau={"trials": 4, "min_delta": 0.1})
    job = service.run(job_id)
    assert job.state is JobState.COMPLETED
    assert job.reason == "none of the last 4 trials bettered the best by more than 0.1"
    assert sum(job.trials.values()) == 6, "the eighth twentieth is too little more than the seventh"


def test_a_plateau_may_be_a_plain_count_of_trials_and_be_changed(service: Service) -> None:
    job_id = service.accept({"pruner": "none"}, trials=50, plateau=3)
    job = service.run(job_id)
    assert job.reason == "none of the last 3 trials bettered the best"
    before = sum(job.trials.values())
    with service.database.write() as tx:
        change = jobs.JobChange.model_validate({"budget": {"plateau": {"trials": 12}}})
        jobs.change_job(tx, job_id, change)
    job = service.run(job_id)
    assert job.reason == "none of the last 12 trials bettered the best"
    assert sum(job.trials.values()) > before
