"""What MLflow should show by now, by the tables; and having it shown again."""

from collections.abc import Callable, Collection, Iterator

from sqlalchemy import Connection, select, update

from kerasearch.service.store.invariants import UNENDED, Breach, name_of, rows_where
from kerasearch.service.store.tables import jobs, outbox, retrainings, trials

REMEDY = "it is mirrored again"


def what_ended_is_mirrored(
    tx: Connection, runs: Collection[str], of_retrainings: Collection[str]
) -> Iterator[Breach]:
    """Each job, ended trial and ended retraining has its run, or an event that waits to make it.

    `runs` are the ids of all runs that MLflow has, those that a person has deleted there included;
    `of_retrainings` are the ids of the retrainings that it has runs of.
    """
    waits = select(outbox.c.job_id, outbox.c.subject).where(~outbox.c.mirrored).distinct()
    waiting = {(row.job_id, row.subject) for row in tx.execute(waits)}
    for job in tx.execute(select(jobs.c.id, jobs.c.run_id).order_by(jobs.c.seq)).all():
        if job.run_id not in runs and (job.id, None) not in waiting:
            yield Breach(f"job {job.id}", "has no run in MLflow", REMEDY, _show_job(job.id))
    ended = trials.c.retraining_id.is_(None) & trials.c.state.not_in(UNENDED)
    for row in rows_where(tx, ended):
        if row.run_id not in runs and (row.job_id, str(row.id)) not in waiting:
            mend = _show_trial(row.job_id, row.id)
            yield Breach(name_of(row), "has no run in MLflow", REMEDY, mend)
    for row in tx.execute(select(retrainings).where(retrainings.c.state != "running")).all():
        if row.id not in of_retrainings and (row.job_id, row.id) not in waiting:
            mend = _show(row.job_id, row.id)
            yield Breach(f"retraining {row.id}", "has no run in MLflow", REMEDY, mend)


def _show_job(job_id: str) -> Callable[[Connection], None]:
    def mend(tx: Connection) -> None:
        gone = {"experiment_id": None, "run_id": None}
        tx.execute(update(jobs).where(jobs.c.id == job_id).values(gone))
        _show(job_id, None)(tx)

    return mend


def _show_trial(job_id: str, trial_id: int) -> Callable[[Connection], None]:
    def mend(tx: Connection) -> None:
        tx.execute(update(trials).where(trials.c.id == trial_id).values(run_id=None))
        _show(job_id, str(trial_id))(tx)

    return mend


def _show(job_id: str, subject: str | None) -> Callable[[Connection], None]:
    def mend(tx: Connection) -> None:
        told = (outbox.c.job_id == job_id) & outbox.c.subject.is_not_distinct_from(subject)
        tx.execute(update(outbox).where(told).values(mirrored=False))

    return mend
