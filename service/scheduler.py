"""The scheduler: owns each running job's study; asks, places, tells.

It keeps nothing that the database doesn't hold: killed at any point, the next one rebuilds every
study from the trials and runs again what was running.
"""

import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.executors import Executor
from kerasearch.service.executors.local import LocalExecutor
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.process import beat, stop_on_sigterm
from kerasearch.service.retraining_report import report_of, write_report
from kerasearch.service.sampling.study import JobStudy, PastTrial, SpaceExhausted
from kerasearch.service.settings import Settings
from kerasearch.service.store import events
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import retrainings as retrainings_store
from kerasearch.service.store import trials as trials_store
from kerasearch.service.store.database import Database
from kerasearch.service.store.trials import Lease, TrialRow
from kerasearch.service.trials import TrialState

log = logging.getLogger(__name__)

TICK_S = 0.2
"""How long a new or a cancelled job may go unseen."""

PULSE_S = 2.0
"""Between the signs of life that /readyz reads."""

FULL_PASS_S = 1.0
"""Even when nothing happened, time budgets and silent processes are looked at this often."""

FAILURES_IN_A_ROW = 10
"""Trials without a value, one after the other, that fail a job."""

LETTING_GO_S = 2.0
"""For a process whose trial has ended to say so, or to find out, before it is killed."""


@dataclass
class Search:
    """A running job and its study.

    Attributes:
        running: Numbers of the trials whose end the study doesn't know yet.
        asked: Trials so far; the next one's number.
        valued: A trial had a value.
        failures: Trials without a value since the last one with a value.
        last_failure: Why the last of them had none.
        exhausted: Every configuration of the space has been tried.
        broken: What the sampler raised, if it did.
        ending: Why no more trials are wanted; None while they are.
    """

    job: Job
    study: JobStudy
    running: set[int]
    asked: int
    valued: bool = False
    failures: int = 0
    last_failure: str | None = None
    exhausted: bool = False
    broken: str | None = None
    ending: str | None = None

    def tell(self, row: TrialRow) -> None:
        self.running.discard(row.number)
        if row.state is TrialState.COMPLETE and row.value is not None:
            self.study.tell(row.number, row.value)
        else:
            self.study.tell_failed(row.number)
        self.count(row)

    def count(self, row: TrialRow) -> None:
        if row.state is TrialState.COMPLETE:
            self.valued = True
            self.failures = 0
        else:
            self.failures += 1
            self.last_failure = row.reason

    def failure(self) -> str | None:
        """Why the job can't succeed any more, if so."""
        if self.broken is not None:
            return self.broken
        if self.failures >= FAILURES_IN_A_ROW:
            return f"{self.failures} trials in a row had no value; the last: {self.last_failure}"
        return None


class Scheduler:
    """One per service: the only process that asks samplers and places trials."""

    def __init__(self, settings: Settings, database: Database, executor: Executor) -> None:
        self._settings = settings
        self._database = database
        self._executor = executor
        self._searches: dict[str, Search] = {}
        self._signs_of_life: dict[Lease, tuple[int, float]] = {}
        self._letting_go: dict[Lease, float] = {}
        self._seen_event = -1
        self._full_pass_at = 0.0

    def recover(self) -> None:
        """Put back what an earlier scheduler left running: its trial processes ended with it."""
        with self._database.write() as tx:
            for row in trials_store.unended_rows(tx):
                if row.lease is not None:
                    trials_store.lose(tx, row.lease, "the service ended")

    def stop(self) -> None:
        """End the trial processes, and have their trials run again at the next start."""
        self._executor.close()
        with self._database.write() as tx:
            for row in trials_store.unended_rows(tx):
                if row.lease is not None:
                    trials_store.put_back(tx, row.lease, "the service was stopped")

    def tick(self, timeout_s: float) -> None:
        """Wait for something to happen, at most `timeout_s`; then do all that can be done."""
        ended = self._executor.wait(timeout_s)
        for end in ended:
            if end.reason is not None:
                self._lose(end.lease, end.reason)
        if not ended and not self._something_happened():
            return
        with self._database.read() as tx:
            unended = trials_store.unended_rows(tx)
            jobs = jobs_store.unended_jobs(tx)
            retraining_ids = retrainings_store.running_retrainings(tx)
        self._end_lost_leases(unended)
        for job in jobs:
            self._advance(job)
        unended_ids = {job.id for job in jobs}
        self._searches = {key: s for key, s in self._searches.items() if key in unended_ids}
        for retraining_id in retraining_ids:
            self._end_retraining(retraining_id)
        self._fill_slots()

    def _something_happened(self) -> bool:
        with self._database.read() as tx:
            latest = events.latest(tx)
        now = time.monotonic()
        if latest == self._seen_event and now - self._full_pass_at < FULL_PASS_S:
            return False
        self._seen_event, self._full_pass_at = latest, now
        return True

    def _lose(self, lease: Lease, reason: str) -> None:
        log.warning("attempt %d of trial row %d: %s", lease.attempt, lease.trial_id, reason)
        with self._database.write() as tx:
            trials_store.lose(tx, lease, reason)

    def _end_lost_leases(self, unended: Iterable[TrialRow]) -> None:
        """End processes whose trial was taken from them, and trials whose process is silent.

        Time is measured by this process's monotonic clock: no clock that jumps ends a lease.
        """
        now = time.monotonic()
        beats = {row.lease: row.beats for row in unended if row.lease is not None}
        ending, self._letting_go = self._letting_go, {}
        for lease in self._executor.leases:
            if lease in beats:
                continue
            since = self._letting_go[lease] = ending.get(lease, now)
            if now - since >= LETTING_GO_S:
                self._executor.kill(lease)
        seen, self._signs_of_life = self._signs_of_life, {}
        for lease, count in beats.items():
            last_count, since = seen.get(lease, (None, now))
            if count != last_count:
                since = now
            self._signs_of_life[lease] = (count, since)
            if now - since > self._settings.lease_s:
                self._lose(lease, f"its process showed no life for {self._settings.lease_s:g} s")

    def _advance(self, job: Job) -> None:
        """Tell the study what ended, and end the job when nothing more is to come."""
        if job.state is JobState.QUEUED:
            with self._database.write() as tx:
                jobs_store.start_job(tx, job.id)
        search = self._searches.get(job.id)
        if search is None:
            search = self._searches[job.id] = self._rebuild(job)
        search.job = job
        with self._database.read() as tx:
            for row in trials_store.rows_of_job(tx, job.id, search.running):
                if row.state.ended:
                    search.tell(row)
        failure = search.failure()
        search.ending = failure or _ending(search)
        if search.ending is None or search.running:
            return
        if failure is None and not search.valued:
            failure = f"no trial had a value; the last: {search.last_failure}"
        with self._database.write() as tx:
            state = JobState.COMPLETED if failure is None else JobState.FAILED
            jobs_store.end_job(tx, job.id, state, failure or search.ending)

    def _rebuild(self, job: Job) -> Search:
        request = job.request
        with self._database.read() as tx:
            rows = trials_store.rows_of_job(tx, job.id)
        study = JobStudy.create(
            SearchSpace.parse(request.space),
            direction=request.objective.direction or "maximize",
            engine=request.search.engine,
            sampler=request.search.sampler,
            seed=request.search.seed,
        )
        study.replay(PastTrial(row.number, row.params, row.state, row.value) for row in rows)
        search = Search(job, study, {row.number for row in rows if not row.state.ended}, len(rows))
        for row in rows:
            if row.state.ended:
                search.count(row)
        return search

    def _fill_slots(self) -> None:
        """Give every free slot to what has waited longest, then to the job that runs least."""
        with self._database.read() as tx:
            unended = trials_store.unended_rows(tx)
        for row in unended:
            if self._executor.free and row.state is TrialState.QUEUED:
                self._place(row.id)
        while self._executor.free:
            wanting = [search for search in self._searches.values() if self._wants(search)]
            if not wanting:
                return
            self._ask(min(wanting, key=lambda search: len(search.running)))

    def _wants(self, search: Search) -> bool:
        request = search.job.request
        return (
            search.ending is None
            and search.asked < request.budget.trials
            and len(search.running) < (request.resources.parallel or self._settings.slots)
        )

    def _ask(self, search: Search) -> None:
        """Place a new trial of this job, or note why there is none."""
        try:
            asked = search.study.ask()
        except SpaceExhausted:
            search.exhausted = True
            search.ending = _ending(search)
            return
        except Exception as error:  # a sampler's fault must not stop the other jobs
            log.exception("the sampler of job %s failed", search.job.id)
            search.broken = f"the sampler failed: {type(error).__name__}: {error}"
            search.ending = search.failure()
            return
        seed = trial_seed(search.job.request.search.seed, asked.number)
        with self._database.write() as tx:
            if not jobs_store.is_running(tx, search.job.id):  # it was cancelled a moment ago
                search.ending = "the job has ended"
                return
            row_id = trials_store.add_trial(tx, search.job.id, asked.number, asked.params, seed)
            lease = trials_store.place(tx, row_id)
        search.running.add(asked.number)
        search.asked += 1
        if lease is not None:
            self._executor.place(lease)

    def _place(self, row_id: int) -> None:
        with self._database.write() as tx:
            lease = trials_store.place(tx, row_id)
        if lease is not None:
            self._executor.place(lease)

    def _end_retraining(self, retraining_id: str) -> None:
        with self._database.read() as tx:
            rows = trials_store.repeats_of(tx, retraining_id)
            retraining = retrainings_store.read_retraining(tx, retraining_id)
        if any(not row.state.ended for row in rows):
            return
        complete = [row for row in rows if row.state is TrialState.COMPLETE]
        reasons = [row.reason for row in rows if row.state is not TrialState.COMPLETE]
        reason = f"{len(reasons)} of {len(rows)} repeats failed: {reasons[0]}" if reasons else None
        report = None
        if complete:
            report = report_of(retraining.params, complete)
            folder = self._settings.retraining_dir(retraining.job_id, retraining_id)
            write_report(folder, report)
        with self._database.write() as tx:
            retrainings_store.end_retraining(
                tx, retraining_id, "completed" if complete else "failed", reason, report
            )


def run(settings: Settings) -> None:
    """Be the scheduler until SIGTERM."""
    stop = stop_on_sigterm()
    database = Database(settings.database_url)
    threads = max(1, len(os.sched_getaffinity(0)) // settings.slots)
    executor = LocalExecutor(settings, threads)
    scheduler = Scheduler(settings, database, executor)
    try:
        scheduler.recover()
        beat(settings.run_dir, "scheduler", "starting trial processes")
        executor.start()
        beat_at = 0.0
        while not stop.is_set():
            if time.monotonic() >= beat_at:
                beat(settings.run_dir, "scheduler", "ready")
                beat_at = time.monotonic() + PULSE_S
            scheduler.tick(TICK_S)
    finally:
        scheduler.stop()


def _ending(search: Search) -> str | None:
    """Why the search is over, if it is: its space or a part of its budget is used up."""
    job = search.job
    budget = job.request.budget
    if job.best is not None and budget.target is not None:
        reached = job.best.value - budget.target
        if (reached if job.request.objective.direction == "maximize" else -reached) >= 0:
            return f"the target {budget.target:g} was reached by trial {job.best.number}"
    if budget.time_s is not None and job.progress.elapsed_s >= budget.time_s:
        return f"the time budget of {budget.time_s:g} s is used up"
    if search.asked >= budget.trials:
        return f"the budget of {budget.trials} trials is used up"
    if search.exhausted:
        return "every configuration of the space has been tried"
    return None


def trial_seed(search_seed: int, number: int) -> int:
    """Seed of trial `number`: independent streams from one seed (numpy's SeedSequence), 31 bits."""
    return int(np.random.SeedSequence([search_seed, number]).generate_state(1)[0]) >> 1
