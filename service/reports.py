"""What a trial process tells of its epochs, and what it is told: whether to go on."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from kerasearch.service.errors import Unavailable
from kerasearch.service.store import leases
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease
from kerasearch.service.store.rungs import Rung

REPORT_INTERVAL_S = 0.1  # at most ten writes a second, however short the epochs


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
        self._waiting: dict[int, dict[int, Mapping[str, float]]] = {}
        self._written_at = -math.inf
        self._until = time.monotonic() + (math.inf if limit_s is None else limit_s)
        self._training = 0
        self._epochs_before = 0
        self._last = 0

    def begin_training(self, index: int) -> None:
        """The trial's next training, from 0: its epochs are counted on from those before."""
        self._training, self._epochs_before = index, self._last

    def add(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Whether another epoch is wanted; raises LeaseLost when the trial is taken."""
        self._last = self._epochs_before + epoch
        self._waiting.setdefault(self._training, {})[self._last] = dict(metrics)
        if self._ladder is not None and self._last in self._ladder.epochs:
            self._reach_rung(self._ladder)
        elif time.monotonic() - self._written_at >= REPORT_INTERVAL_S:
            with suppress(Unavailable):  # they go with the next ones
                with self._database.write() as tx:
                    self.verdict = self.write(tx)
                self.forget()
            self._written_at = time.monotonic()
        return self.verdict is None and time.monotonic() < self._until

    def write(self, tx: Transaction) -> str | None:
        """Write those that aren't written yet; a pruner's verdict."""
        verdict = None
        for training, epochs in self._waiting.items():
            verdict = leases.report(tx, self._lease, epochs, training)
        return verdict

    def forget(self) -> None:
        """What was to be written is."""
        self._waiting = {}

    def _reach_rung(self, ladder: Ladder) -> None:
        """Report, and hear in the same transaction whether the trial goes on from there."""
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
