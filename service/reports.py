"""What a trial process tells of its epochs, and what it is told: whether to go on."""

import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from kerasearch.service.errors import Unavailable
from kerasearch.service.store import leases
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease
from kerasearch.service.store.rungs import Rung

REPORT_INTERVAL_S = 0.1  # at most ten writes a second, however short the epochs

LONG_EPOCH_S = 0.5
"""A write takes a few milliseconds: after an epoch of so long nobody minds to wait for it."""

Epochs = dict[int, dict[int, Mapping[str, float]]]
"""Their metrics by training and epoch."""

_THREAD = ThreadPoolExecutor(1, "reports")  # begun at the first write, so that forks have none


@dataclass(frozen=True)
class Ladder:
    """The rungs that a trial stops at."""

    job_id: str
    pruner: str
    eta: int
    bracket: int = 0
    epochs: tuple[int, ...] = ()

    @classmethod
    def of(cls, assignment: Assignment) -> Self | None:
        pruner = assignment.pruner
        if assignment.retraining_id is not None or not pruner.rungs:
            return None
        bracket = pruner.bracket(assignment.number)
        rungs = pruner.rungs[bracket:]
        return cls(assignment.job_id, pruner.name, pruner.eta, bracket, rungs)


class Reports:
    """Epochs on their way to the database, several in one write when they are short.

    Training goes on while short ones are written; what that answered is heard after a later epoch.

    Args:
        limit_s: For all that is to come.
        ladder: None where nothing is decided here.

    Attributes:
        verdict: Why a pruner ends the trial, once it does.
        rung: Epoch of the rung that the trial waits at then, if it may go on from there.
    """

    def __init__(
        self,
        database: Database,
        lease: Lease,
        limit_s: float | None = None,
        ladder: Ladder | None = None,
    ) -> None:
        self.verdict: str | None = None
        self.rung: int | None = None
        self._database = database
        self._lease = lease
        self._ladder = ladder
        self._waiting: Epochs = {}
        self._sent: tuple[Future[str | None], Epochs] | None = None
        self._written_at = self._added_at = -math.inf
        self._until = time.monotonic() + (math.inf if limit_s is None else limit_s)
        self._training = 0
        self._epochs_before = 0
        self._last = 0

    def begin_training(self, index: int, epochs_before: int) -> None:
        """The trial's next training, from 0: its epochs are counted on from those before."""
        self._training, self._epochs_before = index, epochs_before

    def add(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Whether another epoch is wanted; raises LeaseLost when the trial is taken."""
        now = time.monotonic()
        is_long, self._added_at = now - self._added_at >= LONG_EPOCH_S, now
        self._last = self._epochs_before + epoch
        self._waiting.setdefault(self._training, {})[self._last] = dict(metrics)
        self._hear(wait=is_long)
        if self._ladder is not None and self._last in self._ladder.epochs:
            self._reach_rung(self._ladder)
        elif self._sent is None and now - self._written_at >= REPORT_INTERVAL_S:
            self._sent = _THREAD.submit(self._send, self._waiting), self._waiting
            self._waiting, self._written_at = {}, now
            self._hear(wait=is_long)
        return self.verdict is None and time.monotonic() < self._until

    def _hear(self, *, wait: bool) -> None:
        if self._sent is not None and (wait or self._sent[0].done()):
            self.settle()

    def settle(self) -> None:
        """Wait for what is being written, before anything else is; raises LeaseLost."""
        if self._sent is None:
            return
        (answer, sent), self._sent = self._sent, None
        try:
            self.verdict = answer.result()
        except Unavailable:  # they go with the next ones
            for training, epochs in self._waiting.items():
                sent.setdefault(training, {}).update(epochs)
            self._waiting = sent

    def write(self, tx: Transaction) -> None:
        """Write those that wait; nothing may be being written."""
        self._write(tx, self._waiting)

    def _send(self, waiting: Epochs) -> str | None:
        with self._database.write() as tx:
            return self._write(tx, waiting)

    def _write(self, tx: Transaction, waiting: Epochs) -> str | None:
        """A pruner's verdict, if there is one."""
        verdict = None
        for training, epochs in waiting.items():
            verdict = leases.report(tx, self._lease, epochs, training)
        return verdict

    def forget(self) -> None:
        """What was to be written is."""
        self._waiting = {}

    def _reach_rung(self, ladder: Ladder) -> None:
        """Report, and hear in the same transaction whether the trial goes on from there."""
        self.settle()
        rung = Rung(ladder.job_id, ladder.bracket, self._last)

        def reach(tx: Transaction) -> bool:
            self.write(tx)
            return leases.reach_rung(tx, self._lease, rung, ladder.eta)

        if not self._database.write_when_possible(reach):
            self.rung = self._last
            self.verdict = (
                f"{ladder.pruner}: not among the best 1 in {ladder.eta} at epoch {self._last}"
            )
        self.forget()
        self._written_at = time.monotonic()
