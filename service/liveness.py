"""Signs of life: which trials' processes are silent, too slow, or hold what isn't theirs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kerasearch.service.settings import Settings
from kerasearch.service.store import leases
from kerasearch.service.store.leases import EndLease, Lease
from kerasearch.service.store.trials import TrialRow

OVERRUN_S = 60.0
"""Of twice a trial's time limit, until its process is ended: it may start, and end its epoch."""

LETTING_GO_S = 2.0
"""For a process whose trial has ended to say so, or to find out, before it is killed."""


class Loss(NamedTuple):
    """A lease to be ended, for a reason, by a function of `leases`."""

    lease: Lease
    reason: str
    record: EndLease


@dataclass
class _SignsOfLife:
    """What a trial's process was last seen to do, and when."""

    placed_at: float
    beats: int
    beat_at: float
    epochs: int
    epoch_at: float


class Liveness:
    """What was seen of every process that runs a trial.

    Time is the caller's monotonic clock: no clock that jumps ends a lease.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: dict[Lease, _SignsOfLife] = {}
        self._letting_go: dict[Lease, float] = {}

    def forget(self) -> None:
        """Nobody could show life meanwhile."""
        self._seen.clear()

    def stray(
        self, held: Iterable[Lease], running: Collection[Lease], now: float
    ) -> Iterator[Lease]:
        """Leases that the executor holds though their trials were taken from them, for too long."""
        ending, self._letting_go = self._letting_go, {}
        for lease in held:
            if lease in running:
                continue
            since = self._letting_go[lease] = ending.get(lease, now)
            if now - since >= LETTING_GO_S:
                yield lease

    def losses(
        self,
        running: Mapping[Lease, TrialRow],
        held: Collection[Lease],
        limits_s: Mapping[str, float | None],
        now: float,
    ) -> Iterator[Loss]:
        """Leases whose processes are gone, silent, or make no progress; limits are by job."""
        seen, self._seen = self._seen, {}
        lease_s, epoch_s = self._settings.lease_s, self._settings.epoch_limit_s
        for lease, row in running.items():
            life = seen.get(lease) or _SignsOfLife(now, row.beats, now, row.epochs, now)
            self._seen[lease] = life
            if row.beats != life.beats:
                life.beats, life.beat_at = row.beats, now
            if row.epochs != life.epochs:
                life.epochs, life.epoch_at = row.epochs, now
            limit_s = None if row.retraining_id else limits_s.get(row.job_id)
            if lease not in held:  # it was placed, or ended, while the database couldn't be used
                yield Loss(lease, "its process is gone", leases.lose)
            elif now - life.beat_at > lease_s:
                yield Loss(lease, f"its process showed no life for {lease_s:g} s", leases.lose)
            elif limit_s is not None and now - life.placed_at > 2 * limit_s + OVERRUN_S:
                yield Loss(lease, f"it overran its time limit of {limit_s:g} s", leases.cut)
            elif now - life.epoch_at > epoch_s:
                yield Loss(lease, f"no epoch ended for {epoch_s:g} s", leases.hang)
