"""What a search takes over from earlier jobs, kept as they were when it was accepted."""

from dataclasses import asdict

from sqlalchemy import Connection, insert, select

from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to
from kerasearch.service.jobs import JobRequest, WarmStart
from kerasearch.service.store.tables import jobs, warm_starts
from kerasearch.service.store.trials import rows_of_job
from kerasearch.service.warm_start import EarlierJob, EarlierTrial, learn_from


def add_warm_start(tx: Connection, job_id: str, request: JobRequest, dataset_id: str) -> None:
    """Keep what the jobs that `search.warm_start` names know by now; they may go on, or be deleted.

    Raises:
        InvalidInput: One isn't there.
    """
    earlier: list[EarlierJob] = []
    problems: list[Problem] = []
    for index, earlier_id in enumerate(request.search.warm_start):
        job = _earlier_job(tx, earlier_id)
        if job is None:
            detail = f"no job {earlier_id!r}; `kerasearch jobs` lists them"
            problems.append(Problem(pointer_to("search", "warm_start", index), detail))
        else:
            earlier.append(job)
    if problems:
        raise InvalidInput(problems)
    taken, report = learn_from(earlier, request, dataset_id)
    tx.execute(
        insert(warm_starts).values(
            job_id=job_id, trials=[asdict(trial) for trial in taken], report=report.model_dump()
        )
    )


def warm_start_of(tx: Connection, job_id: str) -> WarmStart | None:
    report = tx.execute(
        select(warm_starts.c.report).where(warm_starts.c.job_id == job_id)
    ).scalar_one_or_none()
    return None if report is None else WarmStart.model_validate(report)


def earlier_trials(tx: Connection, job_id: str) -> list[EarlierTrial]:
    """What a job's sampler learns from; nothing where no earlier jobs were named."""
    kept = tx.execute(
        select(warm_starts.c.trials).where(warm_starts.c.job_id == job_id)
    ).scalar_one_or_none()
    return [EarlierTrial(trial["params"], tuple(trial["values"])) for trial in kept or ()]


def _earlier_job(tx: Connection, job_id: str) -> EarlierJob | None:
    row = tx.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        return None
    request = JobRequest.model_validate(row.request)
    ended = [trial for trial in rows_of_job(tx, job_id) if trial.state.ended]
    known = [(trial.params, trial.values(request.objectives)) for trial in ended]
    return EarlierJob(request, row.dataset_id, known)
