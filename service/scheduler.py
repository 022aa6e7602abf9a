"""The scheduler: owns each running job's study; asks, places, tells.

It keeps nothing that the database doesn't hold: killed at any point, the next one rebuilds every
study from the trials and runs again what was running.
"""

import logging
import os
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.errors import NotFound, Unavailable
from kerasearch.service.executors import Executor
from kerasearch.service.executors.local import LocalExecutor
from kerasearch.service.jobs import Job, JobRequest, JobState
from kerasearch.service.process import beat, stop_on_sigterm
from kerasearch.service.retraining_report import report_of, write_report
from kerasearch.service.sampling.study import JobStudy, PastTrial, SpaceExhausted
from kerasearch.service.seeds import trial_seed
from kerasearch.service.settings import Settings
from kerasearch.service.store import events, leases
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import retrainings as retrainings_store
from kerasearch.service.store import trials as trials_store
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Lease
from kerasearch.service.store.trials import TrialRow
from kerasearch.service.trials import TrialState

log = logging.getLogger(__name__)

TICK_S = 0.2
"""How long a new or a cancelled job may go unseen."""

PULSE_S = 2.0
"""Between the signs of life that /readyz reads."""

FULL_PASS_S = 1.0
"""Even when nothing happened, time budgets and silent processes are looked at this often."""

OVERRUN_S = 60.0
"""Of twice a trial's time limit, until its process is ended: it may start, and end its epoch."""

LETTING_GO_S = 2.0
"""For a process whose trial has ended to say so, or to find out, before it is killed."""


@dataclass
class Search:
    """A job that has begun and its study.

    Attributes:
        running: Numbers of the trials whose end the study doesn't know yet.
        asked: Trials so far; the next one's number.
        valued: A trial had a value.
        failures: Trials without a value since the last one with a value.
        last_failure: Why the last of them had none.
        epochs: Of the trials that ended.
        running_epochs: Of those that run.
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
    epochs: int = 0
    running_epochs: int = 0
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
        self.epochs += row.epochs
        if row.value is not None:
            self.valued = True
            self.failures = 0
        else:
            self.failures += 1
            self.last_failure = row.reason

    def failure(self) -> str | None:
        """Why the job can't succeed any more, if so."""
        if self.broken is not None:
            return self.broken
        if self.failures >= self.job.request.budget.failures:
            return f"{self.failures} trials in a row had no value; the last: {self.last_failure}"
        return None


@dataclass
class Claim:
    """What has slots or wants some: the search of a job, or one of its retrainings.

    Attributes:
        asks: Whether the search wants new trials.
        waiting: Rows of queued trials or repeats, oldest first.
        running: Trials or repeats of it.
    """

    job: Job
    retraining_id: str | None
    asks: bool = False
    waiting: deque[int] = field(default_factory=deque)
    running: int = 0


@dataclass
class SignsOfLife:
    """What a trial's process was last seen to do, and when."""

    placed_at: float
    beats: int
    beat_at: float
    epochs: int
    epoch_at: float


class Scheduler:
    """One per service: the only process that asks samplers and places trials."""

    def __init__(self, settings: Settings, database: Database, executor: Executor) -> None:
        self._settings = settings
        self._database = database
        self._executor = executor
        self._searches: dict[str, Search] = {}
        self._signs_of_life: dict[Lease, SignsOfLife] = {}
        self._letting_go: dict[Lease, float] = {}
        self._served: dict[str, int] = {}
        self._turn = count(1)
        self._seen_event = -1
        self._full_pass_at = 0.0
        self._waiting = False

    def recover(self) -> None:
        """Put back what an earlier scheduler left running: its trial processes ended with it.

        However often: no trial can end a scheduler, since the kernel that is out of memory ends
        trial processes first.
        """
        with self._database.write() as tx:
            for row in trials_store.unended_rows(tx):
                if row.lease is not None:
                    leases.put_back(tx, row.lease, "the service ended")

    def stop(self) -> None:
        """End the trial processes, and have their trials run again at the next start."""
        self._executor.close()
        with self._database.write() as tx:
            for row in trials_store.unended_rows(tx):
                if row.lease is not None:
                    leases.put_back(tx, row.lease, "the service was stopped")

    def tick(self, timeout_s: float) -> None:
        """Wait for something to happen, at most `timeout_s`; then do all that can be done.

        While the database or the disk can't be used, trials train on and nothing else happens.
        """
        try:
            self._pass(timeout_s)
        except Unavailable as error:
            if not self._waiting:
                log.warning("%s; waiting until it can be used", error)
            self._waiting = True
            # What was half done is done again from what the database holds, and nobody could
            # show life meanwhile.
            self._searches.clear()
            self._signs_of_life.clear()
            self._seen_event = -1
        else:
            self._waiting = False

    def _pass(self, timeout_s: float) -> None:
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
        self._end_lost_leases(unended, jobs)
        unended_of: dict[str, list[TrialRow]] = defaultdict(list)
        for row in unended:
            if row.retraining_id is None:
                unended_of[row.job_id].append(row)
        for job in jobs:
            self._advance(job, unended_of[job.id])
        unended_ids = {job.id for job in jobs}
        self._searches = {key: s for key, s in self._searches.items() if key in unended_ids}
        going_on = {row.retraining_id for row in unended}
        for retraining_id in retraining_ids:
            if retraining_id not in going_on:
                self._end_retraining(retraining_id)
        self._fill_slots(jobs)

    def _something_happened(self) -> bool:
        with self._database.read() as tx:
            latest = events.latest(tx)
        now = time.monotonic()
        if latest == self._seen_event and now - self._full_pass_at < FULL_PASS_S:
            return False
        self._seen_event, self._full_pass_at = latest, now
        return True

    def _lose(
        self,
        lease: Lease,
        reason: str,
        record: Callable[[Transaction, Lease, str], None] = leases.lose,
    ) -> None:
        log.warning("attempt %d of trial row %d: %s", lease.attempt, lease.trial_id, reason)
        with self._database.write() as tx:
            record(tx, lease, reason)

    def _end_lost_leases(self, unended: Iterable[TrialRow], jobs: Iterable[Job]) -> None:
        """End processes whose trial was taken from them, and trials whose process is silent.

        Time is measured by this process's monotonic clock: no clock that jumps ends a lease.
        """
        now = time.monotonic()
        running = {row.lease: row for row in unended if row.lease is not None}
        ending, self._letting_go = self._letting_go, {}
        for lease in self._executor.leases:
            if lease in running:
                continue
            since = self._letting_go[lease] = ending.get(lease, now)
            if now - since >= LETTING_GO_S:
                self._executor.kill(lease)
        seen, self._signs_of_life = self._signs_of_life, {}
        held = set(self._executor.leases)
        limits = {job.id: job.request.budget.trial_time_s for job in jobs}
        for lease, row in running.items():
            life = seen.get(lease) or SignsOfLife(now, row.beats, now, row.epochs, now)
            self._signs_of_life[lease] = life
            if row.beats != life.beats:
                life.beats, life.beat_at = row.beats, now
            if row.epochs != life.epochs:
                life.epochs, life.epoch_at = row.epochs, now
            limit_s = None if row.retraining_id else limits.get(row.job_id)
            lease_s, epoch_s = self._settings.lease_s, self._settings.epoch_limit_s
            if lease not in held:  # it was placed, or ended, while the database couldn't be used
                self._lose(lease, "its process is gone")
            elif now - life.beat_at > lease_s:
                self._lose(lease, f"its process showed no life for {lease_s:g} s")
            elif limit_s is not None and now - life.placed_at > 2 * limit_s + OVERRUN_S:
                self._lose(lease, f"it overran its time limit of {limit_s:g} s", leases.cut)
            elif now - life.epoch_at > epoch_s:
                self._lose(lease, f"no epoch ended for {epoch_s:g} s", leases.hang)

    def _advance(self, job: Job, unended: list[TrialRow]) -> None:
        """Tell the study what ended, and end the job when nothing more is to come."""
        search = self._searches.get(job.id)
        if search is None and job.state is JobState.QUEUED and not unended:
            return  # it begins with its first trial
        if search is None or any(row.number not in search.running for row in unended):
            # The service has begun, or somebody has enqueued a trial or has some tried again.
            search = self._searches[job.id] = self._rebuild(job)
        search.job = job
        with self._database.read() as tx:
            for row in trials_store.rows_of_job(tx, job.id, search.running):
                if row.state.ended:
                    search.tell(row)
        search.running_epochs = sum(row.epochs for row in unended if row.number in search.running)
        failure = search.failure()
        search.ending = failure or _ending(search)
        if job.state is JobState.STOPPING:
            failure, search.ending = None, jobs_store.STOPPED
        if search.ending is None or search.running or job.state is JobState.PAUSED:
            return
        if failure is None and not search.valued and job.state is not JobState.STOPPING:
            failure = f"no trial had a value; the last: {search.last_failure}"
        with self._database.write() as tx:
            # Unless it was extended, or given another trial, a moment ago.
            if jobs_store.is_as_seen(tx, job) and not trials_store.has_unended(tx, job.id):
                state = JobState.COMPLETED if failure is None else JobState.FAILED
                jobs_store.end_job(tx, job.id, state, failure or search.ending)
        del self._searches[job.id]

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

    def _fill_slots(self, jobs: Iterable[Job]) -> None:
        """Give every free slot to the highest priority, there to what runs least, by turns."""
        if not self._executor.free:
            return
        claims = self._claims(jobs)
        self._served = {key: turn for key, turn in self._served.items() if key in claims}
        running: Counter[str] = Counter()
        for claim in claims.values():
            running[claim.job.id] += claim.running
        while self._executor.free:
            wanting = {
                key: claim
                for key, claim in claims.items()
                if (claim.waiting or claim.asks)
                and running[claim.job.id] < self._parallel(claim.job.request)
            }
            if not wanting:
                return
            key = min(wanting, key=lambda key: self._rank(key, wanting[key]))
            claim = wanting[key]
            if claim.waiting:
                lease = self._lease_waiting(claim)
            else:
                lease = self._lease_asked(claim)
                claim.asks = lease is not None and self._asks(claim.job)
            if lease is not None:
                self._executor.place(lease)
                self._served[key] = next(self._turn)
                claim.running += 1
                running[claim.job.id] += 1

    def _rank(self, key: str, claim: Claim) -> tuple[int, int, int]:
        return -claim.job.request.priority, claim.running, self._served.get(key, 0)

    def _parallel(self, request: JobRequest) -> int:
        return request.resources.parallel or self._settings.slots

    def _claims(self, jobs: Iterable[Job]) -> dict[str, Claim]:
        """What has slots or wants some, by id of job or retraining, the oldest job first."""
        claims = {job.id: Claim(job, None, self._asks(job)) for job in jobs}
        with self._database.read() as tx:
            for row in trials_store.unended_rows(tx):
                key = row.retraining_id or row.job_id
                if key not in claims:
                    claims[key] = Claim(jobs_store.read_job(tx, row.job_id), row.retraining_id)
                claim = claims[key]
                if row.state is TrialState.RUNNING:
                    claim.running += 1
                elif row.retraining_id or claim.job.state is not JobState.PAUSED:
                    claim.waiting.append(row.id)
        return claims

    def _asks(self, job: Job) -> bool:
        """Whether the job wants new trials."""
        search = self._searches.get(job.id)
        if search is None:
            return job.state is JobState.QUEUED
        return (
            job.state in (JobState.QUEUED, JobState.RUNNING)
            and search.ending is None
            and search.asked < job.request.budget.trials
        )

    def _lease_waiting(self, claim: Claim) -> Lease | None:
        """On the trial that waits longest; None when it isn't to begin any more."""
        row_id = claim.waiting.popleft()
        with self._database.write() as tx:
            return leases.place(tx, row_id) if _begin(tx, claim) else None

    def _lease_asked(self, claim: Claim) -> Lease | None:
        """On a new trial of this job; None, and noted why, when there is none."""
        job = claim.job
        search = self._searches.get(job.id)
        if search is None:
            search = self._searches[job.id] = self._rebuild(job)
        try:
            asked = search.study.ask()
        except SpaceExhausted:
            search.exhausted = True
            return None
        except Exception as error:  # a sampler's fault must not stop the other jobs
            log.exception("the sampler of job %s failed", job.id)
            search.broken = f"the sampler failed: {type(error).__name__}: {error}"
            return None
        seed = trial_seed(job.request.search.seed, asked.number)
        with self._database.write() as tx:
            known = trials_store.count_trials(tx, job.id)
            if known != asked.number or not _begin(tx, claim):
                # It was paused, changed or given a trial a moment ago: the study is behind.
                del self._searches[job.id]
                return None
            row_id = trials_store.add_trial(tx, job.id, asked.number, asked.params, seed)
            lease = leases.place(tx, row_id)
        search.running.add(asked.number)
        search.asked += 1
        return lease

    def _end_retraining(self, retraining_id: str) -> None:
        try:
            with self._database.read() as tx:
                rows = trials_store.repeats_of(tx, retraining_id)
                retraining = retrainings_store.read_retraining(tx, retraining_id)
        except NotFound:  # its job was deleted a moment ago
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


def _begin(tx: Transaction, claim: Claim) -> bool:
    """Whether a trial may begin; the first one of a job starts the job."""
    if claim.retraining_id is not None:
        return True
    if not jobs_store.is_as_seen(tx, claim.job):
        return False
    if claim.job.state is JobState.QUEUED:
        jobs_store.start_job(tx, claim.job.id)
        claim.job = claim.job.model_copy(update={"state": JobState.RUNNING})
    return True


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
    if budget.epochs_total and search.epochs + search.running_epochs >= budget.epochs_total:
        return f"the budget of {budget.epochs_total} epochs over all trials is used up"
    if search.asked >= budget.trials:
        return f"the budget of {budget.trials} trials is used up"
    if search.exhausted:
        return "every configuration of the space has been tried"
    return None
