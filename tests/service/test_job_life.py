"""Whatever is asked of jobs, in whatever order, across restarts and deaths: nothing is lost."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection

from kerasearch.searchspaces import SearchSpace
from kerasearch.service import scheduler as scheduler_module
from kerasearch.service.errors import Conflict
from kerasearch.service.executors import Ended
from kerasearch.service.jobs import Job, JobChange
from kerasearch.service.scheduler import Scheduler
from kerasearch.service.settings import Settings
from kerasearch.service.store import jobs, trial_views
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Assignment, Outcome
from kerasearch.service.testing import (
    QUICK,
    FakeExecutor,
    ProcessDied,
    accept,
    complete,
    new_database,
    run_as,
)
from kerasearch.service.trials import Trial, TrialState, identity_of

SLOTS = 2
SPACE = {
    **QUICK,
    "units_1": {"type": "choice", "values": [16, 32, 64, 128]},
    "batch_norm": {"type": "choice", "values": [True, False]},
}
"""Of eight configurations, so that it is also used up."""

GOES_ON = {"queued": "queued", "running": "running", "paused": "paused"}
WAKES = {**GOES_ON, "completed": "running", "failed": "running"}
STOPS = dict.fromkeys(["queued", "running", "paused", "stopping"], "stopping")
MODEL = {
    "pause": dict.fromkeys(GOES_ON, "paused"),
    "resume": {**GOES_ON, "paused": "running"},
    "stop": STOPS,
    "cancel": dict.fromkeys([*STOPS, "cancelled"], "cancelled"),
    "extend": WAKES,
    "retry": WAKES,
    "enqueue": WAKES,
    "delete": {"completed": "", "failed": "", "cancelled": ""},
}
"""What is lawful from which state, and where it leads to, written down a second time."""

UNWOKEN = {"extend", "retry", "enqueue"}
"""They leave an ended job as it is where they change nothing: there is nothing to be done."""


class SteppedExecutor(FakeExecutor):
    """Ends a trial only when it is told to."""

    may_end = False

    def wait(self, timeout_s: float) -> list[Ended]:
        return super().wait(timeout_s) if self.may_end else []


def _wanted(job: Job) -> dict[str, object]:
    """The job without the time that passes."""
    return job.model_dump(exclude={"progress"})


@cache
def _new_tables() -> Path:
    folder = Path(tempfile.mkdtemp())
    new_database(folder).close()
    return folder / "kerasearch.db"


class Life(RuleBasedStateMachine):
    """A service of two slots on one database, and what must hold of its jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        self.patch.setattr(scheduler_module, "time", clock)
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_new_tables(), self.folder)
        self.settings = Settings(data_dir=self.folder, workers=SLOTS)
        self.database = Database(self.settings.database_url)
        self.job_ids: list[str] = []
        self.meddled_with: set[str] = set()
        self.finished: dict[tuple[str, int], Trial] = {}
        self.end = "complete"
        self._start()

    def teardown(self) -> None:
        """Whatever came before, every job comes to its end."""
        for job in self._jobs():
            if job.state == "paused":
                self._control(jobs.resume_job, job.id)
        for _ in range(150):
            if all(job.state.ended for job in self._jobs()):
                break
            self._tick("complete")
        assert all(job.state.ended for job in self._jobs()), self._jobs()
        self.nothing_is_lost_and_nothing_is_done_twice()
        self.database.close()
        shutil.rmtree(self.folder)
        self.patch.undo()

    @initialize()
    def begin(self) -> None:
        self.submit(budget=1, priority=0)

    @precondition(lambda self: len(self.job_ids) < 3)
    @rule(budget=st.integers(1, 5), priority=st.integers(0, 1))
    def submit(self, budget: int, priority: int) -> None:
        self.job_ids.append(
            accept(
                self.database,
                space=SPACE,
                search={"sampler": "random"},
                budget={"trials": budget, "failures": 4},
                priority=priority,
            )
        )

    @rule(end=st.sampled_from(["nothing", "complete", "complete", "infeasible", "dies"]))
    def tick(self, end: str) -> None:
        begun = {job.id: self._begun(job.id) for job in self._jobs()}
        before = {job.id: job for job in self._jobs()}
        self._tick(end)
        for job_id, job in before.items():
            known, after = (sum(j.trials.values()) for j in (job, self._job(job_id)))
            assert after <= max(known, job.request.budget.trials), "the budget is overdrawn"
            new = self._begun(job_id) - begun[job_id]
            if job.state in ("paused", "completed", "failed", "cancelled"):
                assert not new, f"job {job_id} was {job.state}, and yet {new} began"
            if job.state == "stopping":
                assert all(attempt > 1 for _, attempt in new), f"{new} are no trials that ran"

    @rule(orderly=st.booleans())
    def restart(self, orderly: bool) -> None:
        if orderly:
            self.scheduler.stop()
        self._start()

    @precondition(lambda self: self.job_ids)
    @rule(step=st.sampled_from(sorted(MODEL)), which=st.integers(0, 2), number=st.integers(1, 9))
    def control(self, step: str, which: int, number: int) -> None:
        job_id = self.job_ids[which % len(self.job_ids)]
        before = self._job(job_id)
        params = SearchSpace.parse(before.request.space).sample(Random(number))
        change = JobChange.model_validate({"budget": {"trials": number}})
        take: dict[str, Callable[[Connection], object]] = {
            "pause": lambda tx: jobs.pause_job(tx, job_id),
            "resume": lambda tx: jobs.resume_job(tx, job_id),
            "stop": lambda tx: jobs.stop_job(tx, job_id),
            "cancel": lambda tx: jobs.cancel_job(tx, job_id),
            "extend": lambda tx: jobs.change_job(tx, job_id, change),
            "retry": lambda tx: jobs.retry_job(tx, job_id),
            "enqueue": lambda tx: jobs.enqueue_trial(tx, job_id, params),
            "delete": lambda tx: jobs.delete_job(tx, job_id),
        }
        if before.state not in MODEL[step]:
            with pytest.raises(Conflict, match=f"is {before.state} and can't be"):
                self._take(take[step])
            assert _wanted(self._job(job_id)) == _wanted(before)
            return
        self._take(take[step])
        if step not in ("pause", "resume"):
            self.meddled_with.add(job_id)
        if step == "delete":
            self.job_ids.remove(job_id)
            self.finished = {key: t for key, t in self.finished.items() if key[0] != job_id}
            return
        once = self._job(job_id)
        unwoken = {before.state} if step in UNWOKEN else set()
        assert once.state in {MODEL[step][before.state]} | unwoken
        self._take(take[step])
        assert _wanted(self._job(job_id)) == _wanted(once)

    @invariant()
    def nothing_is_lost_and_nothing_is_done_twice(self) -> None:
        for job in self._jobs():
            done = self._trials(job.id)
            if job.state == "completed" and job.id not in self.meddled_with:
                assert [trial.number for trial in done] == list(range(job.request.budget.trials))
            assert len({identity_of(trial.params) for trial in done}) == len(done)
            assert (job.reason is not None) == (job.ended_at is not None) == job.state.ended
            assert job.progress.elapsed_s >= 0
            values = [t.value for t in done if t.state is TrialState.COMPLETE]
            assert (job.best.value if job.best else None) == max(values, default=None)
            for trial in done:
                assert not (job.state.ended and not trial.state.ended)
                assert sum(a.ended_at is None for a in trial.attempts) == (trial.state == "running")
                if trial.state is TrialState.COMPLETE:
                    assert self.finished.setdefault((job.id, trial.number), trial) == trial
        assert len(self.executor.leases) <= SLOTS

    def _start(self) -> None:
        self.executor = SteppedExecutor(run_as(self.database, self._account), SLOTS)
        self.scheduler = Scheduler(self.settings, self.database, self.executor, patience_s=60)
        self.scheduler.recover()

    def _account(self, assignment: Assignment) -> Outcome:
        if self.end == "dies":
            raise ProcessDied("killed")
        if self.end == "infeasible":
            return Outcome(TrialState.INFEASIBLE, "it became nan")
        return complete(float(assignment.params["units_1"] or 0) / 128)

    def _tick(self, end: str) -> None:
        self.end, self.executor.may_end = end, end != "nothing"
        self.scheduler.tick(0)
        self.now += 1

    def _take(self, step: Callable[[Connection], object]) -> None:
        with self.database.write() as tx:
            step(tx)

    def _control(self, step: Callable[[Connection, str], None], job_id: str) -> None:
        with self.database.write() as tx:
            step(tx, job_id)

    def _job(self, job_id: str) -> Job:
        with self.database.read() as tx:
            return jobs.read_job(tx, job_id)

    def _jobs(self) -> list[Job]:
        return [self._job(job_id) for job_id in self.job_ids]

    def _trials(self, job_id: str) -> list[Trial]:
        with self.database.read() as tx:
            return trial_views.list_trials(tx, job_id, None, None, None)

    def _begun(self, job_id: str) -> set[tuple[int, int]]:
        return {(t.number, a.number) for t in self._trials(job_id) for a in t.attempts}


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
