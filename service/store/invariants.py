"""What has to hold in the tables whoever was killed when, and what mends it where it doesn't.

Read and mended while nobody serves: then no trial is about to end, and no row about to be mirrored.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from kerasearch.service.jobs import JobRequest, JobState
from kerasearch.service.store import events
from kerasearch.service.store.best import take_best
from kerasearch.service.store.database import now
from kerasearch.service.store.tables import attempts, jobs, retrainings, trials
from kerasearch.service.store.trials import cancel_trials
from kerasearch.service.trials import TrialState

BY_DOCTOR = "kerasearch doctor put it right"

UNENDED = [state for state in TrialState if not state.ended]


@dataclass(frozen=True)
class Breach:
    """Something that doesn't hold.

    Attributes:
        where: Trial, job or file.
        found: What is so and should not be.
        remedy: What is done about it, or what a person has to do.
        mend: Does it, in a transaction; None where nothing here can.
    """

    where: str
    found: str
    remedy: str
    mend: Callable[[Connection], None] | None = None


def trials_are_in_one_state(tx: Connection) -> Iterator[Breach]:
    """Leased while it runs and else not; with an end and a value when it has ended."""
    running = trials.c.state == TrialState.RUNNING
    own_attempt = (
        select(attempts.c.trial_id)
        .where(attempts.c.trial_id == trials.c.id, attempts.c.number == trials.c.attempt)
        .where(attempts.c.token == trials.c.token, attempts.c.ended_at.is_(None))
    )
    for row in rows_where(tx, running & or_(trials.c.token.is_(None), ~own_attempt.exists())):
        yield Breach(name_of(row), "runs without a lease", "it is run again", _put_back(row))
    for row in rows_where(tx, ~running & trials.c.token.is_not(None)):
        yield Breach(
            name_of(row), f"is {row.state} and leased", "the lease is ended", _set(row, token=None)
        )
    ended = trials.c.state.not_in(UNENDED)
    for row in rows_where(tx, ended & trials.c.ended_at.is_(None)):
        yield Breach(
            name_of(row), f"is {row.state} and has no end", "it ends now", _set(row, ended_at=now())
        )
    for row in rows_where(tx, ~ended & trials.c.ended_at.is_not(None)):
        yield Breach(
            name_of(row),
            f"is {row.state} and has ended",
            "the end is removed",
            _set(row, ended_at=None),
        )
    for row in rows_where(tx, (trials.c.state == TrialState.COMPLETE) & trials.c.value.is_(None)):
        yield Breach(name_of(row), "is complete without a value", "it is run again", _put_back(row))


def attempts_agree_with_their_trials(tx: Connection) -> Iterator[Breach]:
    """The last of them is the trial's, and only a running trial's last one is open."""
    last = (
        select(func.coalesce(func.max(attempts.c.number), 0))
        .where(attempts.c.trial_id == trials.c.id)
        .scalar_subquery()
    )
    for row in rows_where(tx, trials.c.attempt != last, last.label("last")):
        yield Breach(
            name_of(row),
            f"says {row.attempt} attempts and has {row.last}",
            "it says so",
            _set(row, attempt=row.last),
        )
    theirs = trials.c.id == attempts.c.trial_id
    is_over = (trials.c.state != TrialState.RUNNING) | (attempts.c.number != trials.c.attempt)
    still_open = (
        select(attempts.c.number).where(theirs, attempts.c.ended_at.is_(None), is_over).exists()
    )
    for row in rows_where(tx, still_open):
        found = "has an attempt that goes on without it"
        if row.state == TrialState.RUNNING:
            yield Breach(name_of(row), found, "it is run again", _put_back(row))
        else:
            yield Breach(name_of(row), found, "it is ended", _end_attempts(row))
    twice = (
        select(func.count())
        .where(theirs, attempts.c.outcome == TrialState.COMPLETE)
        .scalar_subquery()
    )
    for row in rows_where(tx, twice > 1):
        remedy = "report it, please, with the database: this must not happen"
        yield Breach(name_of(row), "was completed twice", remedy)


def jobs_agree_with_their_trials(tx: Connection) -> Iterator[Breach]:
    """Nothing of an ended job is to come, and its best trial is its best."""
    unended = trials.c.state.in_(UNENDED)
    ended_job = jobs.c.state.in_([state for state in JobState if state.ended])
    of_search = trials.c.retraining_id.is_(None)
    for row in rows_where(tx, unended & of_search & ended_job):
        yield Breach(name_of(row), "is to run though its job has ended", "it ends", _cancel(row))
    of_ended = select(retrainings.c.id).where(retrainings.c.state != "running")
    for row in rows_where(tx, unended & trials.c.retraining_id.in_(of_ended)):
        yield Breach(
            name_of(row), "is to run though its retraining has ended", "it ends", _cancel(row)
        )
    for job in tx.execute(select(jobs).order_by(jobs.c.seq)).all():
        several = len(JobRequest.model_validate(job.request).objectives) > 1
        if not several and not _names_its_best(tx, job):
            found = "names another trial than its best as the best"
            yield Breach(f"job {job.id}", found, "it names the best", _find_best(job))


def rows_where(tx: Connection, chosen: ColumnElement[bool], *more: Any) -> Sequence[Row[Any]]:
    every = select(trials, *more).join(jobs, jobs.c.id == trials.c.job_id)
    return tx.execute(every.where(chosen).order_by(trials.c.id)).all()


def name_of(row: Row[Any]) -> str:
    if row.retraining_id is not None:
        return f"repeat {row.number} of retraining {row.retraining_id}"
    return f"trial {row.number} of job {row.job_id}"


def _set(row: Row[Any], **values: object) -> Callable[[Connection], None]:
    return lambda tx: _write(tx, row, **values)


def _write(tx: Connection, row: Row[Any], **values: object) -> None:
    written = tx.execute(
        update(trials).where(trials.c.id == row.id).values(**values).returning(trials)
    ).one()
    events.append_trial(tx, written)


def _put_back(row: Row[Any]) -> Callable[[Connection], None]:
    def mend(tx: Connection) -> None:
        _end_attempts(row)(tx)
        _write(tx, row, state=TrialState.QUEUED, token=None, ended_at=None)

    return mend


def _end_attempts(row: Row[Any]) -> Callable[[Connection], None]:
    """End the open ones, through no fault of the trial's."""
    stopped = {"ended_at": now(), "outcome": "stopped", "reason": BY_DOCTOR}
    still_open = (attempts.c.trial_id == row.id) & attempts.c.ended_at.is_(None)

    def mend(tx: Connection) -> None:
        tx.execute(update(attempts).where(still_open).values(stopped))

    return mend


def _cancel(row: Row[Any]) -> Callable[[Connection], None]:
    return lambda tx: cancel_trials(tx, trials.c.id == row.id, BY_DOCTOR)


def _valued(job_id: str) -> ColumnElement[bool]:
    """Trials of the job's search that may be the best of it; a pruned one may go on by now."""
    of_search = (trials.c.job_id == job_id) & trials.c.retraining_id.is_(None)
    return of_search & trials.c.value.is_not(None)


def _names_its_best(tx: Connection, job: Row[Any]) -> bool:
    """Whether no complete trial with a model is better, or as good and earlier."""
    own = _valued(job.id)
    best = tx.execute(select(trials).where(own, trials.c.id == job.best_trial_id)).one_or_none()
    if best is None and job.best_trial_id is not None:
        return False
    has_model = trials.c.model_sha256.is_not(None)
    better = own & (trials.c.state == TrialState.COMPLETE) & has_model
    if best is not None and best.state == TrialState.COMPLETE:
        direction = JobRequest.model_validate(job.request).objectives[0].direction
        value, least = trials.c.value, best.value
        beats = value < least if direction == "minimize" else value > least
        better &= or_(beats, (value == least) & (trials.c.number < best.number))
    return tx.execute(select(trials.c.id).where(better).limit(1)).first() is None


def _find_best(job: Row[Any]) -> Callable[[Connection], None]:
    def mend(tx: Connection) -> None:
        none = {"best_trial_id": None, "best_value": None, "best_attempt": None}
        tx.execute(update(jobs).where(jobs.c.id == job.id).values(none))
        for row in tx.execute(select(trials).where(_valued(job.id))).all():
            take_best(tx, row)
        best_id = select(jobs.c.best_trial_id).where(jobs.c.id == job.id).scalar_subquery()
        for best in tx.execute(select(trials).where(trials.c.id == best_id)).all():
            events.append_trial(tx, best)

    return mend
