"""Checkpoints of trials on disk: loaded by digest alone, and gone when the trial has ended."""

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kerasearch.models.checkpoints import Checkpoint, read_checkpoints, write_checkpoints
from kerasearch.service.checkpoint_names import checkpoint_path
from kerasearch.service.errors import LeaseLost, Unavailable
from kerasearch.service.files import sha256_of, written_whole
from kerasearch.service.settings import Settings
from kerasearch.service.store import leases
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease, StoredCheckpoint
from kerasearch.service.trainings import total_epochs
from kerasearch.service.trials import Training

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialCheckpoint:
    """What an interrupted trial goes on from.

    Attributes:
        current: Of the training that was interrupted; None between two.
        seconds: That it had taken.
        done: Those before it.
        best: Of the best of them, whose model the trial keeps so far.
        told: What that one told of itself, `TrainedModel.told`.
    """

    current: Checkpoint | None = None
    seconds: float = 0.0
    done: tuple[Training, ...] = ()
    best: Checkpoint | None = None
    told: dict[str, Any] = field(default_factory=dict)  # Any: names of fields to JSON

    @property
    def epoch(self) -> int:
        """The last one that was trained, of all trainings."""
        return total_epochs(self.done) + (self.current.epoch if self.current else 0)

    def write(self, path: Path) -> None:
        named = {"current": self.current, "best": self.best}
        note = {
            "seconds": self.seconds,
            "done": [training.model_dump() for training in self.done],
            "told": self.told,
        }
        write_checkpoints({name: c for name, c in named.items() if c}, json.dumps(note), path)

    @classmethod
    def read(cls, path: Path) -> Self:
        checkpoints, text = read_checkpoints(path)
        note = json.loads(text)
        return cls(
            current=checkpoints.get("current"),
            seconds=note["seconds"],
            done=tuple(Training.model_validate(training) for training in note["done"]),
            best=checkpoints.get("best"),
            told=note["told"],
        )


class Checkpoints:
    """Those of one attempt: what it goes on from, and what it leaves."""

    def __init__(
        self, database: Database, settings: Settings, lease: Lease, assignment: Assignment
    ) -> None:
        self._database = database
        self._lease = lease
        self._settings = settings
        self._job_id = assignment.job_id
        self._stored = assignment.checkpoint
        self._saved_at = time.monotonic()
        self._begun = self._saved_at - assignment.spent_s

    def load(self) -> TrialCheckpoint:
        """What an earlier attempt left; empty where there is nothing, or it isn't what was written.

        Raises:
            LeaseLost: The trial was taken.
        """
        if (stored := self._stored) is None:
            return TrialCheckpoint()
        path = self._path(stored)
        if path.is_file() and sha256_of(path) == stored.sha256:
            with suppress(KeyError, ValueError):  # written by another version
                return TrialCheckpoint.read(path)
        log.warning("trial row %d begins anew without %s", self._lease.trial_id, path)
        self._stored = None
        self._database.write_when_possible(lambda tx: leases.begin_anew(tx, self._lease))
        return TrialCheckpoint()

    @property
    def is_due(self) -> bool:
        """Whether so much would be lost with this process that it is worth a file."""
        return time.monotonic() - self._saved_at >= self._settings.checkpoint_s

    def save(self, checkpoint: TrialCheckpoint, record: Callable[[Transaction], object]) -> bool:
        """Keep a checkpoint in place of the one before, unless it finds no room; whether it did.

        Args:
            checkpoint: After the last epoch.
            record: Writes, in the same transaction, what is known of its epochs.

        Raises:
            LeaseLost: The trial was taken.
        """
        before = self._stored
        path = self._path(StoredCheckpoint(self._lease.attempt, checkpoint.epoch, ""))
        try:
            with written_whole(path) as temporary:
                checkpoint.write(temporary)
                digest = sha256_of(temporary)
            spent_s = time.monotonic() - self._begun
            stored = StoredCheckpoint(self._lease.attempt, checkpoint.epoch, digest, spent_s)
            with self._database.write() as tx:
                record(tx)
                leases.note_checkpoint(tx, self._lease, stored)
        except Unavailable as error:
            path.unlink(missing_ok=True)
            log.warning("no checkpoint of trial row %d: %s", self._lease.trial_id, error)
            return False
        except LeaseLost:
            path.unlink(missing_ok=True)
            raise
        self._stored = stored
        self._saved_at = time.monotonic()
        if before is not None:
            self._path(before).unlink(missing_ok=True)
        return True

    def remove(self) -> None:
        """The trial has ended for good."""
        if self._stored is not None:
            self._path(self._stored).unlink(missing_ok=True)

    def _path(self, stored: StoredCheckpoint) -> Path:
        return checkpoint_path(self._settings, self._job_id, self._lease.trial_id, stored)
