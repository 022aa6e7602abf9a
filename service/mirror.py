"""The mirror process: shows in MLflow what the outbox says happened.

An event only says what to look at; what MLflow is told is the state as it is now, so that events
may be merged, and repeated after a crash. MLflow being down delays this process and nothing else.
"""

import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.errors import NotFound, Unavailable
from kerasearch.service.files import write_csv
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.mlflow_pages import RunLink
from kerasearch.service.process import beat
from kerasearch.service.sampling.display import study_of_values
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.plots import draw_study
from kerasearch.service.settings import Settings
from kerasearch.service.store import deletions, events, jobs, retrainings, trial_views, trials
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.events import Event
from kerasearch.service.tracking import Tracking, TrackingRefused, TrackingUnavailable
from kerasearch.service.trials import Trial, TrialState

log = logging.getLogger(__name__)

NICE = 10
"""Trials go first: where they take every core, the mirror has a twentieth of them, and is late."""

PAUSE_S = 1.0
RESTING_PAUSE_S = 2.0
"""Between passes: what happens meanwhile is mirrored in one go; the longer where no job goes on."""

BATCH = 1000
"""Events a pass; more are left for the next."""

NEW: dict[str, object] = {"state": JobState.RUNNING, "ended_at": None, "trials": {}, "best": None}
"""What a job's run says before anything is below it."""

LIVE_INTERVAL_S = 5.0
"""Between looks at a job that goes on and at trials that run; what has ended is shown at once."""

PLOT_INTERVAL_S = 60.0
PLOT_SHARE = 0.01
"""Between pictures of a running job: so long, and until they take this share of the time."""


@dataclass
class Changes:
    """What happened to one job that MLflow doesn't show yet.

    What isn't due when it happens is lost with this process; a trial's next report or end tells it.

    Attributes:
        ended: Rows of trials that have ended.
        live: Rows of trials that began or went on; a trial's end shows all of its epochs.
        of_job: The job itself is in another state, or asked for otherwise.
        of_trials: Trials have ended, which its numbers tell of.
    """

    ended: set[int] = field(default_factory=set)
    live: set[int] = field(default_factory=set)
    retrainings: set[str] = field(default_factory=set)
    of_job: bool = False
    of_trials: bool = False

    def add(self, event: Event) -> None:
        match event.kind:
            case "job":
                self.of_job = True
            case "retraining":
                self.retrainings.add(str(event.subject))
            case "trial" | "report" if event.data["retraining"] is None:
                has_ended = event.kind == "trial" and TrialState(event.data["state"]).ended
                (self.ended if has_ended else self.live).add(int(str(event.subject)))


@dataclass
class Watched:
    """A job that goes on, or isn't shown whole yet; times are the monotonic clock's."""

    changes: Changes = field(default_factory=Changes)
    live_at: float = -inf
    plotted_at: float = -inf
    plotting_s: float = 0.0

    @property
    def is_live(self) -> bool:
        """Whether it is time again for what goes on."""
        return time.monotonic() >= self.live_at + LIVE_INTERVAL_S

    @property
    def is_plotted(self) -> bool:
        """Whether the last pictures will do for now."""
        interval_s = max(PLOT_INTERVAL_S, self.plotting_s / PLOT_SHARE)
        return time.monotonic() < self.plotted_at + interval_s


class Mirror:
    def __init__(self, settings: Settings, database: Database, tracking: Tracking) -> None:
        self._settings = settings
        self._database = database
        self._tracking = tracking
        self._jobs: dict[str, Watched] = defaultdict(Watched)

    @property
    def is_resting(self) -> bool:
        """Whether all that it has seen of jobs is shown, and none goes on."""
        return not self._jobs

    def mirror_pass(self) -> bool:
        """Delete what was deleted, and show the oldest events; whether there were any.

        Raises:
            TrackingUnavailable: MLflow is down; what was not shown stays in the outbox.
        """
        self._finish_deletions()
        told: dict[str, list[Event]] = defaultdict(list)
        with self._database.read() as tx:  # one snapshot: an ended job's every event is in it
            batch = events.to_mirror(tx, BATCH + len(self._jobs))  # a job may keep one there
            for event in batch:
                self._jobs[event.job_id].changes.add(event)
                told[event.job_id].append(event)
            due = [
                job_id
                for job_id, watched in self._jobs.items()
                if job_id in told or (watched.is_live and watched.changes != Changes())
            ]
            seen = {job_id: _read_job(tx, job_id) for job_id in due}
            more = events.jobs_to_mirror_after(tx, batch[-1].id) if batch else set()
        for job_id, job in seen.items():
            try:
                if job is None or self._show(job, all_of_it=job_id not in more):
                    del self._jobs[job_id]
            except NotFound:
                log.info("job %s was deleted", job_id)
                del self._jobs[job_id]
            except TrackingRefused:
                log.exception("MLflow refuses a part of job %s; it stays without", job_id)
                self._jobs[job_id].changes = Changes()
            self._mark(job_id, told[job_id])
        return bool(batch)

    def _mark(self, job_id: str, told: Sequence[Event]) -> None:
        """Take events out of the outbox, but the job's last one until it is shown."""
        is_shown = job_id not in self._jobs or not self._jobs[job_id].changes.of_job
        kept = [] if is_shown else [event.id for event in told if event.kind == "job"][-1:]
        shown = [event.id for event in told if event.id not in kept]
        if shown:
            with self._database.write() as tx:
                events.mark_mirrored(tx, shown)

    def _finish_deletions(self) -> None:
        with self._database.read() as tx:
            due = deletions.due_deletions(tx)
        for job in due:
            shutil.rmtree(self._settings.job_dir(job.job_id), ignore_errors=True)
        for job in due:
            if job.link is not None:
                try:
                    self._tracking.delete_job(job.link)
                except TrackingRefused:
                    log.exception("MLflow refuses to delete a part of job %s", job.job_id)
            with self._database.write() as tx:
                deletions.finish_deletion(tx, job.job_id)

    def _show(self, job: Job, *, all_of_it: bool) -> bool:
        """Show what is due of a job's changes; whether it has ended and is shown whole."""
        watched = self._jobs[job.id]
        changes = watched.changes
        with self._database.read() as tx:
            parent = jobs.mirror_link(tx, job.id)
        if parent is None:
            parent = self._tracking.sync_job(job.model_copy(update=NEW), [])
            with self._database.write() as tx:
                jobs.set_mirror_link(tx, job.id, parent)
        live = watched.is_live
        if live:
            watched.live_at = time.monotonic()
        for row_id in sorted(changes.ended | changes.live if live else changes.ended):
            try:
                self._show_trial(job, parent, row_id)
            except TrackingRefused:  # the other trials are shown, and the job's end
                log.exception("MLflow refuses trial row %d; it stays as it is there", row_id)
            changes.of_trials |= row_id in changes.ended
            changes.ended.discard(row_id)
            changes.live.discard(row_id)
        for retraining_id in sorted(changes.retrainings):
            with self._database.read() as tx:
                retraining = retrainings.read_retraining(tx, retraining_id)
            files = self._settings.retraining_dir(job.id, retraining_id)
            self._tracking.sync_retraining(job, parent, retraining, files)
            changes.retrainings.discard(retraining_id)
        is_due = changes.of_job or (changes.of_trials and (live or job.state.ended))
        if is_due and (all_of_it or not job.state.ended):
            self._show_job(job, watched)
            changes.of_job = changes.of_trials = False
        return job.state.ended and changes == Changes()

    def _show_trial(self, job: Job, parent: RunLink, row_id: int) -> None:
        self._live_on()
        with self._database.read() as tx:
            trial = trial_views.read_trial_row(tx, row_id)
        if trial.state is TrialState.QUEUED:
            return  # MLflow never changes when a run began: it is made when the trial begins
        files = self._settings.attempt_dir(job.id, trial.number, len(trial.attempts))
        is_best = job.best is not None and job.best.number == trial.number
        run_id = self._tracking.sync_trial(job, parent, trial, files, is_best=is_best)
        if trial.run_id is None:
            with self._database.write() as tx:
                trials.set_trial_run(tx, row_id, run_id)

    def _show_job(self, job: Job, watched: Watched) -> None:
        """The parent run last: its status says that everything below it is there."""
        self._live_on()
        begun, is_due = time.monotonic(), job.state.ended or not watched.is_plotted
        if is_due:
            watched.plotted_at = begun  # with or without trials: a short job's are drawn once
        pictures = self._leave_artifacts(job) if is_due and (job.best or job.pareto) else []
        watched.plotting_s = max(watched.plotting_s, time.monotonic() - begun)
        self._tracking.sync_job(job, pictures)

    def _live_on(self) -> None:
        """A sign of life within a pass, which may take long."""
        beat(self._settings.run_dir, "mirror", "ready")

    def _leave_artifacts(self, job: Job) -> list[Path]:
        """The job's pictures and its table of trials, in its folder; the pictures."""
        with self._database.read() as tx:
            every = trial_views.list_trials(tx, job.id, None, None, None, curves=False)
            rows = trials.rows_of_job(tx, job.id)
        study = study_of_values(
            SearchSpace.parse(job.request.space),
            job.request.directions,
            [
                PastTrial(row.number, row.params, row.state, row.values(job.request.objectives))
                for row in rows
            ],
        )
        folder = self._settings.artifacts_dir(job.id)
        write_csv(folder / "trials.csv", table_of(every))
        try:
            return draw_study(study, folder, [o.metric for o in job.request.objectives])
        except Exception:  # whatever Optuna's plots trip over, the rest is shown
            log.exception("no pictures of job %s", job.id)
            return []


def _read_job(tx: Transaction, job_id: str) -> Job | None:
    try:
        return jobs.read_job(tx, job_id)
    except NotFound:
        return None


def table_of(every: Sequence[Trial]) -> Iterator[Sequence[object]]:
    """A row a trial below a row of names; empty where a trial has no such thing."""
    params = list(dict.fromkeys(name for trial in every for name in trial.params))
    metrics = list(dict.fromkeys(name for trial in every for name in trial.metrics))
    yield ["number", "state", "value", "best_epoch", "duration_s", *params, *metrics]
    for trial in every:
        told = [trial.number, trial.state, trial.value, trial.best_epoch, trial.duration_s]
        yield [*told, *map(trial.params.get, params), *map(trial.metrics.get, metrics)]


def run(settings: Settings) -> None:
    """Be the mirror; SIGTERM may end it anywhere, since whatever it does can be done again."""
    os.nice(NICE)
    tracking = Tracking(settings.mlflow_url, settings.mlflow_artifacts)
    mirror = Mirror(settings, Database(settings.database_url), tracking)
    state = "ready"
    while True:
        beat(settings.run_dir, "mirror", state)
        try:
            mirror.mirror_pass()
            state = "ready"
        except TrackingUnavailable as error:
            if state == "ready":
                log.info("MLflow isn't up: %s", str(error).splitlines()[0])
            state = "waits for MLflow"
        except Unavailable as error:
            log.warning("%s", error)
            state = "waits for the database"
        time.sleep(RESTING_PAUSE_S if mirror.is_resting else PAUSE_S)
