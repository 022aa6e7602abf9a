"""Who gets the next free slot: the highest priority, there what runs least, there by turns."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from kerasearch.service.jobs import Job, JobState
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import trials as trials_store
from kerasearch.service.store.database import Transaction
from kerasearch.service.store.trials import TrialRow
from kerasearch.service.trials import TrialState


@dataclass
class Claim:
    """What has slots or wants some: the search of a job, or one of its retrainings.

    Attributes:
        asks: Whether the search wants new trials.
        thinks: Its sampler has been asked for one and isn't done.
        waiting: Queued trials or repeats, oldest first.
        running: Trials or repeats of it.
    """

    job: Job
    retraining_id: str | None
    asks: bool = False
    thinks: bool = False
    waiting: deque[TrialRow] = field(default_factory=deque)
    running: int = 0

    @property
    def key(self) -> str:
        return self.retraining_id or self.job.id


def read_claims(
    tx: Transaction, jobs: Iterable[Job], asks: Callable[[Job], bool]
) -> dict[str, Claim]:
    """What has slots or wants some, by id of job or retraining, the oldest job first."""
    claims = {job.id: Claim(job, None, asks(job)) for job in jobs}
    for row in trials_store.unended_rows(tx):
        key = row.retraining_id or row.job_id
        if key not in claims:
            claims[key] = Claim(jobs_store.read_job(tx, row.job_id), row.retraining_id)
        claim = claims[key]
        if row.state is TrialState.RUNNING:
            claim.running += 1
        elif row.retraining_id or claim.job.state is not JobState.PAUSED:
            claim.waiting.append(row)
    return claims


class Turns:
    """Whose turn it is, from one pass of the scheduler to the next.

    Args:
        slots: What a job may run at once that doesn't say.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._served: dict[str, int] = {}
        self._turn = count(1)

    def next_claim(
        self, claims: dict[str, Claim], has_room: Callable[[Claim], bool]
    ) -> Claim | None:
        """The one that gets the next slot; None when none wants any, or there is no room for it.

        While a sampler thinks the slot goes to another job, but to none of lower priority.
        """
        self._served = {key: turn for key, turn in self._served.items() if key in claims}
        running: Counter[str] = Counter()
        for claim in claims.values():
            running[claim.job.id] += claim.running
        wanting = [
            claim
            for claim in claims.values()
            if (claim.waiting or claim.asks or claim.thinks)
            and has_room(claim)
            and running[claim.job.id] < (claim.job.request.resources.parallel or self._slots)
        ]
        first = min(wanting, key=self._rank, default=None)
        return None if first is None or _only_thinks(first) else first

    def serve(self, claim: Claim) -> None:
        """A slot was given to it."""
        self._served[claim.key] = next(self._turn)
        claim.running += 1

    def _rank(self, claim: Claim) -> tuple[int, bool, int, int]:
        served = self._served.get(claim.key, 0)
        return -claim.job.request.priority, _only_thinks(claim), claim.running, served


def _only_thinks(claim: Claim) -> bool:
    return claim.thinks and not claim.waiting
