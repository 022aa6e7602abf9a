"""How long jobs have been running, by the scheduler's monotonic clock.

No clock that jumps uses up a budget, and time in which nobody served isn't counted.
"""

from collections.abc import Iterable

from kerasearch.service.jobs import Job, JobState
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.jobs import add_elapsed

COUNTED_S = 1.0
"""At least so much is added to a job's time at once, but for the last of it."""


class JobTime:
    """What of the running jobs' time isn't in the database yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted_at: dict[str, float] = {}

    def count(self, jobs: Iterable[Job], now: float) -> None:
        """Add what is due to the time of those that run."""
        running = [job.id for job in jobs if job.state in (JobState.RUNNING, JobState.STOPPING)]
        since = {job_id: self._counted_at.get(job_id, now) for job_id in running}
        due = {job_id: now - at for job_id, at in since.items() if now - at >= COUNTED_S}
        if due:
            with self._database.write() as tx:
                for job_id, seconds in due.items():
                    add_elapsed(tx, job_id, seconds)
            since |= dict.fromkeys(due, now)
        self._counted_at = since

    def settle(self, tx: Transaction, job_id: str, now: float) -> None:
        """Add the last of the time of a job that ends."""
        add_elapsed(tx, job_id, now - self._counted_at.pop(job_id, now))
