"""What a job can be asked in which state, and where that leads: the one table of it."""

from enum import StrEnum

from kerasearch.service.errors import Conflict
from kerasearch.service.jobs import JobState


class Step(StrEnum):
    """What is done to a job, in the word that follows "it can be"."""

    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    EXTENDED = "extended"
    RETRIED = "retried"
    ENQUEUED = "given trials"
    DELETED = "deleted"
    # The scheduler's own:
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


ASKED = (
    Step.PAUSED,
    Step.RESUMED,
    Step.STOPPED,
    Step.CANCELLED,
    Step.EXTENDED,
    Step.RETRIED,
    Step.ENQUEUED,
    Step.DELETED,
)
"""Steps that a person asks for."""

_STAYS = {state: state for state in (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)}
_GOES_ON = {**_STAYS, **dict.fromkeys((JobState.COMPLETED, JobState.FAILED), JobState.RUNNING)}
_UNENDED = [state for state in JobState if not state.ended]

LAWFUL: dict[Step, dict[JobState, JobState]] = {
    Step.PAUSED: dict.fromkeys(_STAYS, JobState.PAUSED),
    Step.RESUMED: {**_STAYS, JobState.PAUSED: JobState.RUNNING},
    Step.STOPPED: dict.fromkeys(_UNENDED, JobState.STOPPING),
    Step.CANCELLED: dict.fromkeys((*_UNENDED, JobState.CANCELLED), JobState.CANCELLED),
    Step.EXTENDED: _GOES_ON,
    Step.RETRIED: _GOES_ON,
    Step.ENQUEUED: _GOES_ON,
    Step.DELETED: {state: state for state in JobState if state.ended},
    Step.STARTED: {JobState.QUEUED: JobState.RUNNING},
    Step.COMPLETED: dict.fromkeys(_UNENDED, JobState.COMPLETED),
    Step.FAILED: dict.fromkeys(_UNENDED, JobState.FAILED),
}
"""The states that a step is lawful from, and the state that it leads to from each."""


def require(job_id: str, state: JobState, step: Step) -> JobState:
    """The state that the step leads to; Conflict says what is lawful where it isn't."""
    if state not in LAWFUL[step]:
        *others, last = [other for other in ASKED if state in LAWFUL[other]]
        possible = f"{', '.join(others)} or {last}" if others else last
        raise Conflict(f"job {job_id} is {state} and can't be {step}, but it can be {possible}")
    return LAWFUL[step][state]
