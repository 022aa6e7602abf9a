"""The mirror shows every job, trial and retraining, and nothing is lost while MLflow is away."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from kerasearch.service import mirror as mirror_module
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.mirror import LIVE_INTERVAL_S, PLOT_INTERVAL_S, Mirror
from kerasearch.service.mlflow_pages import RunLink
from kerasearch.service.settings import Settings
from kerasearch.service.store import (
    deletions,
    events,
    jobs,
    leases,
    retrainings,
    trial_views,
    trials,
)
from kerasearch.service.store.database import Database
from kerasearch.service.testing import QUICK, accept, complete, place
from kerasearch.service.tracking import Tracking, TrackingRefused, TrackingUnavailable
from kerasearch.service.trials import Retraining, RetrainingRequest, Trial


class NotedTracking(Tracking):
    """Notes what MLflow would be shown, in words; can be away, or refuse a job."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.plots: list[str] = []
        self.files: list[Path] = []
        self.away = False
        self.refused: str | None = None
        self.refused_trial: int | None = None

    def sync_job(self, job: Job, plots: Sequence[Path]) -> RunLink:
        self._note(job, f"job {job.state} of {sum(job.trials.values())}")
        self.plots += [plot.name for plot in plots]
        return RunLink("7", f"run of {job.id}")

    def sync_trial(
        self, job: Job, parent: RunLink, trial: Trial, files: Path, *, is_best: bool
    ) -> str:
        assert parent.run_id == f"run of {job.id}"
        if trial.number == self.refused_trial:
            raise TrackingRefused("no such run")
        best = " best" if is_best else ""
        self._note(job, f"trial {trial.number} {trial.state} {len(trial.values)}{best}")
        self.files.append(files)
        return f"run of trial {trial.number}"

    def sync_retraining(
        self, job: Job, parent: RunLink, retraining: Retraining, files: Path
    ) -> str:
        self._note(job, f"retraining {retraining.state}")
        self.files.append(files)
        return "run of retraining"

    def delete_job(self, link: RunLink) -> None:
        if self.away:
            raise TrackingUnavailable("nobody answers")
        self.shown.append(f"{link.run_id} deleted")

    def _note(self, job: Job, what: str) -> None:
        if self.away:
            raise TrackingUnavailable("nobody answers\nreally")
        if self.refused == job.id:
            raise TrackingRefused("no such thing")
        self.shown.append(what)

    def taken(self) -> list[str]:
        """What was shown since this was last asked."""
        shown, self.shown = self.shown, []
        return shown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(mirror_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def tracking() -> NotedTracking:
    return NotedTracking()


@pytest.fixture
def mirror(
    database: Database, tracking: NotedTracking, clock: SimpleNamespace, tmp_path: Path
) -> Mirror:
    return Mirror(Settings(data_dir=tmp_path), database, tracking)


def _finish(database: Database, job_id: str, value: float, number: int = 0) -> None:
    lease = place(database, job_id, QUICK, number)
    with database.write() as tx:
        leases.report(tx, lease, {1: {"val_accuracy": value}})
        leases.finish(tx, lease, complete(value))


def _end(database: Database, job_id: str) -> None:
    with database.write() as tx:
        jobs.start_job(tx, job_id)
        jobs.end_job(tx, job_id, JobState.COMPLETED, "done")


def test_a_job_and_its_trials_are_shown_once_and_their_runs_are_kept(
    mirror: Mirror, tracking: NotedTracking, database: Database
) -> None:
    job_id = accept(database)
    _finish(database, job_id, 0.5)
    assert mirror.mirror_pass()
    assert tracking.taken() == ["job running of 0", "trial 0 complete 1 best", "job queued of 1"]
    assert not mirror.mirror_pass()
    assert tracking.taken() == []
    with database.read() as tx:
        assert jobs.mirror_link(tx, job_id) == RunLink("7", f"run of {job_id}")
        assert trial_views.read_trial(tx, job_id, 0).run_id == "run of trial 0"


def test_a_job_has_ended_there_only_when_all_below_it_is_shown(
    mirror: Mirror, tracking: NotedTracking, database: Database
) -> None:
    job_id = accept(database)
    _finish(database, job_id, 0.5)
    _end(database, job_id)
    mirror.mirror_pass()
    assert tracking.taken() == [
        "job running of 0",
        "trial 0 complete 1 best",
        "job completed of 1",
    ]


def test_an_ended_job_is_shown_as_such_however_the_events_fall_into_batches(
    mirror: Mirror,
    tracking: NotedTracking,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_module, "BATCH", 4)
    first, second = accept(database), accept(database)
    for number in range(2):
        _finish(database, first, 0.5, number)
    _end(database, first)
    _end(database, second)
    while mirror.mirror_pass():
        pass
    shown = tracking.taken()
    assert shown.count("job completed of 2") == shown.count("job completed of 0") == 1
    assert shown.index("job completed of 2") > shown.index("trial 1 complete 1")


def test_the_end_of_a_job_is_shown_though_the_mirror_dies_between_any_two_batches(
    tracking: NotedTracking,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_module, "BATCH", 2)
    job_id = accept(database)
    _finish(database, job_id, 0.5)
    _end(database, job_id)
    with database.write() as tx:
        retrainings.add_retraining(tx, job_id, RetrainingRequest(repeats=1), QUICK)
    while Mirror(Settings(data_dir=tmp_path), database, tracking).mirror_pass():
        pass
    assert tracking.taken()[-1] == "job completed of 1"


def test_while_mlflow_is_away_everything_waits(
    mirror: Mirror, tracking: NotedTracking, database: Database
) -> None:
    job_id = accept(database)
    tracking.away = True
    for _ in range(2):
        with pytest.raises(TrackingUnavailable):
            mirror.mirror_pass()
    _finish(database, job_id, 0.5)
    tracking.away = False
    mirror.mirror_pass()
    assert tracking.taken() == ["job running of 0", "trial 0 complete 1 best", "job queued of 1"]


def test_a_job_that_mlflow_refuses_does_not_hold_up_the_others(
    mirror: Mirror, tracking: NotedTracking, database: Database
) -> None:
    tracking.refused = accept(database)
    accept(database)
    mirror.mirror_pass()
    assert tracking.taken() == ["job running of 0", "job queued of 0"]
    with database.read() as tx:
        assert events.to_mirror(tx) == []


def test_a_trial_that_mlflow_refuses_holds_up_neither_the_others_nor_its_job(
    mirror: Mirror, tracking: NotedTracking, database: Database
) -> None:
    job_id = accept(database)
    tracking.refused_trial = 0
    for number in range(2):
        _finish(database, job_id, 0.5, number)
    mirror.mirror_pass()
    assert tracking.taken() == ["job running of 0", "trial 1 complete 1", "job queued of 2"]


def test_a_running_trial_is_shown_now_and_then_and_its_end_at_once(
    mirror: Mirror, tracking: NotedTracking, database: Database, clock: SimpleNamespace
) -> None:
    lease = place(database, accept(database), QUICK)
    shown = []
    for epoch in range(1, 4):
        with database.write() as tx:
            leases.report(tx, lease, {epoch: {"val_accuracy": epoch / 10}})
        mirror.mirror_pass()
        shown.append([what for what in tracking.taken() if what.startswith("trial")])
        clock.now += LIVE_INTERVAL_S * 0.6
    assert shown == [["trial 0 running 1"], [], ["trial 0 running 3"]]
    with database.write() as tx:
        leases.report(tx, lease, {4: {"val_accuracy": 0.4}})
        leases.finish(tx, lease, complete(0.4))
    mirror.mirror_pass()
    assert tracking.taken()[0] == "trial 0 complete 4 best"


def test_what_went_on_is_shown_in_time_though_nothing_happens_any_more(
    mirror: Mirror, tracking: NotedTracking, database: Database, clock: SimpleNamespace
) -> None:
    lease = place(database, accept(database), QUICK)
    mirror.mirror_pass()
    tracking.taken()
    with database.write() as tx:
        leases.report(tx, lease, {1: {"val_accuracy": 0.1}})
    mirror.mirror_pass()
    assert tracking.taken() == []
    clock.now += LIVE_INTERVAL_S
    assert not mirror.mirror_pass()
    assert tracking.taken() == ["trial 0 running 1"]
    mirror.mirror_pass()
    assert tracking.taken() == []


def test_files_are_those_of_the_attempt_that_finished(
    mirror: Mirror, tracking: NotedTracking, database: Database, tmp_path: Path
) -> None:
    job_id = accept(database)
    lost = place(database, job_id, QUICK)
    with database.write() as tx:
        leases.lose(tx, lost, "killed")
        again = leases.place(tx, lost.trial_id)
        assert again is not None
        leases.finish(tx, again, complete(0.5))
    mirror.mirror_pass()
    assert tracking.files == [Settings(data_dir=tmp_path).attempt_dir(job_id, 0, 2)]


def test_a_retraining_is_shown_and_its_repeats_are_no_trials(
    mirror: Mirror, tracking: NotedTracking, database: Database, tmp_path: Path
) -> None:
    job_id = accept(database)
    with database.write() as tx:
        request = RetrainingRequest(repeats=1)
        retraining_id = retrainings.add_retraining(tx, job_id, request, QUICK)
        lease = leases.place(tx, trials.unended_rows(tx)[0].id)
        assert lease is not None
        leases.report(tx, lease, {1: {"val_accuracy": 0.5}})
        jobs.cancel_job(tx, job_id)
    mirror.mirror_pass()
    assert tracking.taken() == ["job running of 0", "retraining cancelled", "job cancelled of 0"]
    assert tracking.files == [Settings(data_dir=tmp_path).retraining_dir(job_id, retraining_id)]


def test_pictures_are_drawn_now_and_then_and_at_the_end(
    mirror: Mirror, tracking: NotedTracking, database: Database, clock: SimpleNamespace
) -> None:
    job_id = accept(database)
    _finish(database, job_id, 0.5)
    drawn = []
    for number in range(1, 4):
        _finish(database, job_id, number / 10, number)
        tracking.plots = []
        mirror.mirror_pass()
        drawn.append(bool(tracking.plots))
        clock.now += PLOT_INTERVAL_S * 0.6
    assert drawn == [True, False, True]
    tracking.plots = []
    _end(database, job_id)
    mirror.mirror_pass()
    assert tracking.plots


def test_a_deleted_job_is_deleted_there_too_however_long_mlflow_was_away(
    mirror: Mirror,
    tracking: NotedTracking,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = accept(database)
    _finish(database, job_id, 0.5)
    _end(database, job_id)
    mirror.mirror_pass()
    tracking.taken()
    model = Settings(data_dir=tmp_path).attempt_dir(job_id, 0, 1) / "model.keras"
    model.parent.mkdir(parents=True)
    model.touch()
    with database.write() as tx:
        jobs.delete_job(tx, job_id)
    mirror.mirror_pass()
    assert model.exists(), "a process may still be writing to it"
    monkeypatch.setattr(deletions, "LETTING_GO_S", 0.0)
    tracking.away = True
    for _ in range(2):
        with pytest.raises(TrackingUnavailable):
            mirror.mirror_pass()
    assert not Settings(data_dir=tmp_path).job_dir(job_id).exists()
    tracking.away = False
    mirror.mirror_pass()
    mirror.mirror_pass()
    assert tracking.taken() == [f"run of {job_id} deleted"]


def test_a_job_that_is_deleted_while_its_run_is_made_leaves_none(
    mirror: Mirror,
    tracking: NotedTracking,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = accept(database)
    sync_job = tracking.sync_job

    def delete_and_sync(job: Job, plots: Sequence[Path]) -> RunLink:
        with database.write() as tx:
            jobs.cancel_job(tx, job_id)
            jobs.delete_job(tx, job_id)
        return sync_job(job, plots)

    monkeypatch.setattr(tracking, "sync_job", delete_and_sync)
    monkeypatch.setattr(deletions, "LETTING_GO_S", 0.0)
    mirror.mirror_pass()
    monkeypatch.undo()
    monkeypatch.setattr(deletions, "LETTING_GO_S", 0.0)
    mirror.mirror_pass()
    assert tracking.taken()[-1] == f"run of {job_id} deleted"
