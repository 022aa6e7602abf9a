"""The best trials of a job: one, or of several objectives the Pareto set."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import JobRequest, JobState
from kerasearch.service.pareto import costs_of, dominates
from kerasearch.service.store.events import append_trial
from kerasearch.service.store.tables import jobs, trials
from kerasearch.service.trials import BestTrial, TrialState


def keeps_model(
    tx: Connection,
    job_id: str,
    values: Sequence[float],
    state: TrialState = TrialState.COMPLETE,
) -> bool:
    """Whether a trial of such objectives may be among the best, so that its model is kept."""
    job = _job(tx, job_id)
    request = JobRequest.model_validate(job.request)
    costs = costs_of(values, request.directions)
    if len(costs) == 1:
        best = _best(tx, job)
        return best is None or (_rank(state), costs) <= (_rank(best.state), _costs(best, request))
    set_now = _rows(tx, job_id, job.pareto or [])
    return not any(dominates(_costs(row, request), costs) for row in set_now)


def take_best(tx: Connection, row: Row[Any]) -> None:
    """Note a trial that ended as best, if it is. Of equals the earliest number is the best.

    Of one objective a pruned trial is best while none is complete, and whose model was kept.
    """
    job = _job(tx, row.job_id)
    request = JobRequest.model_validate(job.request)
    if len(request.objectives) > 1:
        if row.state == TrialState.COMPLETE:
            _take_into_set(tx, row, job, request)
        return

    def order(one: Row[Any]) -> tuple[object, ...]:
        return _rank(one.state), _costs(one, request), one.number

    if row.id == job.best_trial_id and row.model_sha256 is None:  # pruned, continued to no end
        left = tx.execute(
            select(trials).where(
                trials.c.job_id == job.id,
                trials.c.retraining_id.is_(None),
                trials.c.state == TrialState.PRUNED,
                trials.c.model_sha256.is_not(None),
            )
        )
        best = min(left, key=order, default=None)
        _note_best(tx, job.id, best)
        if best is not None:
            append_trial(tx, best)  # MLflow's alias is told with a trial
    elif row.model_sha256 is not None:
        best = _best(tx, job)
        if best is None or order(row) <= order(best):
            _note_best(tx, job.id, row)


def best_of(tx: Connection, trial_id: int | None) -> BestTrial | None:
    row = tx.execute(select(trials).where(trials.c.id == trial_id)).one_or_none()
    return None if row is None else _shown(row)


def pareto_set(tx: Connection, job_id: str) -> list[BestTrial]:
    """The trials of several objectives that no other is better than in all; by number.

    Raises:
        NotFound: No such job.
    """
    return [_shown(row) for row in _rows(tx, job_id, _job(tx, job_id).pareto or [])]


def best_attempt(
    tx: Connection, job_id: str, number: int | None = None
) -> tuple[int, int, str | None]:
    """Number, attempt and model's SHA-256 of the best trial so far, or of one of the Pareto set.

    A model that was lost has none.

    Raises:
        NotFound: No such job, none of its trials has completed, or this is none of the best.
        Conflict: There are several best trials, and none of them was named.
    """
    job = _job(tx, job_id)
    best = _best(tx, job)
    among = [best] if best is not None else _rows(tx, job_id, job.pareto or [])
    rows = {row.number: row for row in among}
    if not rows:
        raise NotFound(no_best(job_id, JobState(job.state)))
    if number is None and job.pareto:
        raise Conflict(f"{which_of(job_id, sorted(rows))} as ?trial=N, in the command as --trial N")
    row = rows.get(next(iter(rows)) if number is None else number)
    if row is None:
        raise NotFound(f"trial {number} of job {job_id!r} is none of the best: {sorted(rows)}")
    # A pruned trial may be in another attempt by now.
    attempt = row.attempt if row is not best else job.best_attempt or row.attempt
    return row.number, attempt, row.model_sha256


def no_best(job_id: str, state: JobState) -> str:
    """The sentence for who asks for the best of no complete trial."""
    if state.ended:
        return f"job {job_id} is {state} and no trial of it has completed: its trials say why"
    return f"job {job_id} has no best trial yet, since no trial of it has completed: wait for one"


def which_of(job_id: str, numbers: Sequence[int]) -> str:
    """The sentence for who asks for the best of several objectives."""
    listed = ", ".join(map(str, numbers))
    return f"job {job_id} has several objectives and no one best trial: name one of {listed}"


def _take_into_set(tx: Connection, row: Row[Any], job: Row[Any], request: JobRequest) -> None:
    """Those of the set that the trial dominates leave it, and if none dominates it, it joins."""
    costs = _costs(row, request)
    others = {other.number: _costs(other, request) for other in _rows(tx, job.id, job.pareto or [])}
    if any(dominates(other, costs) for other in others.values()):
        return
    left = [number for number, other in others.items() if not dominates(costs, other)]
    _note(tx, job.id, pareto=sorted([*left, row.number]))


def _best(tx: Connection, job: Row[Any]) -> Row[Any] | None:
    return tx.execute(select(trials).where(trials.c.id == job.best_trial_id)).one_or_none()


def _rank(state: str) -> bool:
    """Complete trials come before those that were pruned, or are continued since."""
    return state != TrialState.COMPLETE


def _note_best(tx: Connection, job_id: str, best: Row[Any] | None) -> None:
    if best is None:
        _note(tx, job_id, best_trial_id=None, best_value=None, best_attempt=None)
    else:
        noted = {"best_trial_id": best.id, "best_value": best.value, "best_attempt": best.attempt}
        _note(tx, job_id, **noted)


def _note(tx: Connection, job_id: str, **values: object) -> None:
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(**values))


def _job(tx: Connection, job_id: str) -> Row[Any]:
    row = tx.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id!r}")
    return row


def _rows(tx: Connection, job_id: str, numbers: Sequence[int]) -> Sequence[Row[Any]]:
    chosen = select(trials).where(
        trials.c.job_id == job_id, trials.c.retraining_id.is_(None), trials.c.number.in_(numbers)
    )
    return tx.execute(chosen.order_by(trials.c.number)).all()


def _costs(row: Row[Any], request: JobRequest) -> tuple[float, ...]:
    return costs_of(values_of(row.value, row.metrics or {}, request), request.directions)


def values_of(value: float, metrics: Mapping[str, float], request: JobRequest) -> tuple[float, ...]:
    return value, *(metrics[objective.metric] for objective in request.objectives[1:])


def _shown(row: Row[Any]) -> BestTrial:
    return BestTrial(
        number=row.number,
        params=row.params,
        value=row.value,
        metrics=row.metrics,
        best_epoch=row.best_epoch,
        run_id=row.run_id,
        model_sha256=row.model_sha256,
    )
