"""The scheduler: owns each running job's study; asks, places, tells.

It keeps nothing that the database doesn't hold: killed at any point, the next one rebuilds every
study from the trials and runs again what was running.
"""

import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from kerasearch.service.checkpoint_names import remove_checkpoints
from kerasearch.service.claims import Claim, Turns, read_claims
from kerasearch.service.devices import usable_gpus
from kerasearch.service.errors import Unavailable
from kerasearch.service.executors import Executor
from kerasearch.service.executors.affinity import needs_of
from kerasearch.service.executors.local import LocalExecutor
from kerasearch.service.job_time import JobTime
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.liveness import Liveness
from kerasearch.service.plugin_recorder import PluginRecorder
from kerasearch.service.process import beat, stop_on_sigterm
from kerasearch.service.retraining_end import end_retraining
from kerasearch.service.sampling.background import BackgroundStudy
from kerasearch.service.sampling.study import SpaceExhausted
from kerasearch.service.search import Search
from kerasearch.service.seeds import trial_seed
from kerasearch.service.settings import Settings
from kerasearch.service.store import curves, events, leases, rungs, warm_starts
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import retrainings as retrainings_store
from kerasearch.service.store import trials as trials_store
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import EndLease, Lease
from kerasearch.service.store.trials import TrialRow
from kerasearch.service.trials import Params, TrialState

log = logging.getLogger(__name__)

TICK_S = 0.2
RESTING_TICK_S = 0.5
"""How long a new or a cancelled job may go unseen."""

PULSE_S = 2.0
"""Between the signs of life that /readyz reads."""

QUEUED_AHEAD = 16
"""Queued jobs that are looked at beyond the slots, should the first have no room on the GPUs.

A thousand more in the queue cost nothing.
"""

PATIENCE_S = 0.1
"""For a sampler, most of which take a tenth of that; what takes longer is placed a tick later."""

FULL_PASS_S = 1.0
"""Even when nothing happened, time budgets and silent processes are looked at this often."""


class Scheduler:
    """One per service: the only process that asks samplers and places trials.

    Args:
        patience_s: How long everything else waits for a sampler that has been asked.

    Attributes:
        is_resting: Nothing runs, and nothing waits to.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        executor: Executor,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._settings = settings
        self._database = database
        self._executor = executor
        self._patience_s = patience_s
        self._searches: dict[str, Search] = {}
        self._liveness = Liveness(settings)
        self._turns = Turns(settings.slots)
        self._thinking: list[BackgroundStudy] = []  # that a free slot waits for
        self._seen_event: int | None = None
        self._full_pass_at = 0.0
        self._time = JobTime(database)
        self._waiting = False
        self.is_resting = False

    def recover(self) -> None:
        """Put back what an earlier scheduler left running: its trial processes ended with it.

        However often: no trial can end a scheduler, since the kernel that is out of memory ends
        trial processes first.
        """
        self._database.write_when_possible(lambda tx: _put_back(tx, "the service ended"))

    def stop(self) -> None:
        """End the trial processes, and have their trials run again at the next start."""
        self._executor.close()
        with suppress(Unavailable), self._database.write() as tx:  # else `recover` does it
            _put_back(tx, "the service was stopped")

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
            self._liveness.forget()
            self._seen_event = None
        else:
            self._waiting = False

    def _pass(self, timeout_s: float) -> None:
        ended = self._executor.wait(timeout_s)
        for end in ended:
            if end.reason is not None:
                record = leases.refuse if end.infeasible else leases.lose
                self._lose(end.lease, end.reason, record)
        if not ended and not self._something_happened():
            return
        with self._database.read() as tx:
            unended = trials_store.unended_rows(tx)
            slots = len(self._executor.leases) + self._executor.free
            jobs = jobs_store.unended_jobs(tx, slots + QUEUED_AHEAD)
            retraining_ids = retrainings_store.running_retrainings(tx)
        self.is_resting = not (unended or jobs or retraining_ids or self._executor.leases)
        self._time.count(jobs, time.monotonic())
        self._end_lost_leases(unended, jobs)
        unended_of: dict[str, list[TrialRow]] = defaultdict(list)
        for row in unended:
            if row.retraining_id is None:
                unended_of[row.job_id].append(row)
        for job in jobs:
            self._advance(job, unended_of[job.id])
        unended_ids = {job.id for job in jobs}
        for job_id in self._searches.keys() - unended_ids:  # cancelled, failed or deleted
            self._tidy(job_id)
        self._searches = {key: s for key, s in self._searches.items() if key in unended_ids}
        going_on = {row.retraining_id for row in unended}
        for retraining_id in retraining_ids:
            if retraining_id not in going_on:
                end_retraining(self._settings, self._database, retraining_id)
        self._fill_slots(jobs)

    def _something_happened(self) -> bool:
        with self._database.read() as tx:
            latest, is_told = events.news(tx, self._seen_event)
        prunes = any(search.pruning is not None for search in self._searches.values())
        is_told |= prunes and latest != self._seen_event  # by its epochs
        self._seen_event = latest
        now = time.monotonic()
        is_due = not self.is_resting and now - self._full_pass_at >= FULL_PASS_S
        has_answer = any(study.has_answer for study in self._thinking)
        if not (is_told or is_due or has_answer):
            return False
        self._full_pass_at = now
        return True

    def _lose(self, lease: Lease, reason: str, record: EndLease = leases.lose) -> None:
        log.warning("attempt %d of trial row %d: %s", lease.attempt, lease.trial_id, reason)
        with self._database.write() as tx:
            record(tx, lease, reason)

    def _end_lost_leases(self, unended: Iterable[TrialRow], jobs: Iterable[Job]) -> None:
        """End processes whose trial was taken from them, and trials whose process is silent."""
        now = time.monotonic()
        running = {row.lease: row for row in unended if row.lease is not None}
        for lease in self._liveness.stray(self._executor.leases, running, now):
            self._executor.kill(lease)
        limits_s = {job.id: job.request.budget.trial_time_s for job in jobs}
        for loss in self._liveness.losses(running, set(self._executor.leases), limits_s, now):
            self._lose(loss.lease, loss.reason, loss.record)

    def _advance(self, job: Job, unended: list[TrialRow]) -> None:
        """Tell the study what ended, and end the job when nothing more is to come."""
        search = self._searches.get(job.id)
        if search is None and job.state is JobState.QUEUED and not unended:
            return  # it begins with its first trial
        known = search is not None and all(search.knows(row) for row in unended)
        if search is None or not known or search.job.sampler != job.sampler:
            # The service has begun, somebody has enqueued a trial or has some tried again, or
            # another sampler suits a changed budget.
            search = self._searches[job.id] = self._rebuild(job)
        search.job = job
        for row in unended:
            search.go_on(row.number)
        with self._database.read() as tx:
            for row in trials_store.rows_of_job(tx, job.id, search.running):
                if row.state.ended:
                    search.tell(row)
                    if search.pruning is not None and row.state is TrialState.COMPLETE:
                        metric = job.request.objectives[0].metric
                        search.pruning.add_complete(curves.values_of(tx, row.id, metric))
        search.running_epochs = sum(row.epochs for row in unended if row.number in search.running)
        self._prune(search, unended)
        failure = search.failure()
        limit = failure or search.limit()
        search.ending = limit or search.used_up()
        if job.state is JobState.STOPPING:
            failure, search.ending = None, jobs_store.STOPPED
        if limit is not None and any(_waits_at_rung(row) for row in unended):
            with self._database.write() as tx:
                rungs.leave_waiting(tx, job.id, limit)
        if search.ending is None or search.running or job.state is JobState.PAUSED:
            return
        if failure is None and not search.valued and job.state is not JobState.STOPPING:
            failure = f"no trial had a value; the last: {search.last_failure}"
        with self._database.write() as tx:
            # Unless it was extended, or given another trial, a moment ago.
            ends = jobs_store.is_as_seen(tx, job) and not trials_store.has_unended(tx, job.id)
            if ends:
                self._time.settle(tx, job.id, time.monotonic())
                state = JobState.COMPLETED if failure is None else JobState.FAILED
                jobs_store.end_job(tx, job.id, state, failure or search.ending)
        del self._searches[job.id]
        if ends:
            self._tidy(job.id)

    def _tidy(self, job_id: str) -> None:
        """The job has ended: nothing goes on from a checkpoint of it."""
        with self._database.read() as tx:
            rows = trials_store.rows_of_job(tx, job_id)
        remove_checkpoints(self._settings, job_id, [row.id for row in rows])

    def _prune(self, search: Search, unended: Iterable[TrialRow]) -> None:
        """Have trials end that the pruner gives up; their processes hear it as they report."""
        if (pruning := search.pruning) is None:
            return
        running = [row.lease for row in unended if row.lease is not None]
        pruning.keep_only(running)
        metric = search.job.request.objectives[0].metric
        with self._database.read() as tx:
            new = {
                lease: curves.values_after(tx, lease, metric, pruning.last_epoch(lease))
                for lease in running
            }
        for lease, values in new.items():
            if (verdict := pruning.verdict(lease, values)) is not None:
                with self._database.write() as tx:
                    leases.prune(tx, lease, verdict)

    def _rebuild(self, job: Job) -> Search:
        with self._database.read() as tx:
            rows = trials_store.rows_of_job(tx, job.id)
            earlier = warm_starts.earlier_trials(tx, job.id)
            complete = []
            if job.pruner.compares_running:
                metric = job.request.objectives[0].metric
                complete = curves.values_of_complete(tx, job.id, metric)
        return Search.of(job, rows, earlier, complete)

    def _fill_slots(self, jobs: Iterable[Job]) -> None:
        self._thinking.clear()
        if not self._executor.free:
            return
        with self._database.read() as tx:
            claims = read_claims(tx, jobs, self._asks)
        while self._executor.free:
            claim = self._turns.next_claim(claims, self._has_room)
            if claim is None:
                return
            if claim.waiting:
                placed = self._lease_waiting(claim)
            else:
                placed = self._lease_asked(claim)
                claim.asks = placed is not None and self._asks(claim.job)
            if placed is not None:
                lease, params = placed
                self._executor.place(lease, needs_of(claim.job.request, params))
                self._turns.serve(claim)

    def _has_room(self, claim: Claim) -> bool:
        return self._executor.has_room(claim.job.request.resources.gpus or 0)

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

    def _lease_waiting(self, claim: Claim) -> tuple[Lease, Params] | None:
        """On the trial that waits longest; None when it isn't to begin any more."""
        row = claim.waiting.popleft()
        search = self._searches.get(claim.job.id) if claim.retraining_id is None else None
        if search is not None and not search.knows(row):
            return None  # it was enqueued a moment ago
        with self._database.write() as tx:
            lease = leases.place(tx, row.id) if _begin(tx, claim) else None
        if lease is not None and search is not None:
            search.go_on(row.number)
        return None if lease is None else (lease, row.params)

    def _lease_asked(self, claim: Claim) -> tuple[Lease, Params] | None:
        """On a new trial of this job; None, and noted why, when there is none yet or no more."""
        job = claim.job
        search = self._searches.get(job.id)
        if search is None:
            search = self._searches[job.id] = self._rebuild(job)
        try:
            asked = search.ask(
                self._patience_s,
                lambda params: self._executor.distance(needs_of(job.request, params)),
            )
        except SpaceExhausted:
            search.exhausted = True
            return None
        except Exception as error:  # a sampler's fault must not stop the other jobs
            log.exception("the sampler of job %s failed", job.id)
            search.broken = f"the sampler failed: {type(error).__name__}: {error}"
            return None
        if asked is None:
            claim.thinks = True
            self._thinking.append(search.study)
            return None
        seed = trial_seed(job.request.search.seed, asked.number)
        with self._database.write() as tx:
            known = trials_store.count_trials(tx, job.id)
            if known != search.asked or not _begin(tx, claim):
                # It was paused, changed or given a trial a moment ago: the study is behind.
                del self._searches[job.id]
                return None
            row_id = trials_store.add_trial(tx, job.id, asked.number, asked.params, seed)
            lease = leases.place(tx, row_id)
        search.running.add(asked.number)
        search.asked += 1
        return None if lease is None else (lease, asked.params)


def _put_back(tx: Transaction, reason: str) -> None:
    for row in trials_store.unended_rows(tx):
        if row.lease is not None:
            leases.put_back(tx, row.lease, reason)


def run(settings: Settings) -> None:
    """Be the scheduler until SIGTERM."""
    stop = stop_on_sigterm()
    database = Database(settings.database_url)
    threads = max(1, len(os.sched_getaffinity(0)) // settings.slots)
    executor = LocalExecutor(settings, threads, usable_gpus())
    scheduler = Scheduler(settings, database, executor)
    plugins = PluginRecorder(settings, database)
    try:
        scheduler.recover()
        beat(settings.run_dir, "scheduler", "starting trial processes")
        executor.start()
        beat_at = 0.0
        while not stop.is_set():
            if time.monotonic() >= beat_at:
                beat(settings.run_dir, "scheduler", "ready")
                beat_at = time.monotonic() + PULSE_S
            scheduler.tick(RESTING_TICK_S if scheduler.is_resting else TICK_S)
            plugins.advance()
    finally:
        plugins.close()
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


def _waits_at_rung(row: TrialRow) -> bool:
    """A queued trial that has a value was pruned until another made room for it."""
    return row.state is TrialState.QUEUED and row.value is not None
