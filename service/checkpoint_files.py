"""Checkpoints of trials on disk: loaded by digest alone, and gone when the trial has ended."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from kerasearch.models.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from kerasearch.service.checkpoint_names import checkpoint_path
from kerasearch.service.errors import LeaseLost, Unavailable
from kerasearch.service.files import sha256_of, written_whole
from kerasearch.service.settings import Settings
from kerasearch.service.store import leases
from kerasearch.service.store.database import Database, Transaction
from kerasearch.service.store.leases import Assignment, Lease, StoredCheckpoint

log = logging.getLogger(__name__)


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

    def load(self) -> Checkpoint | None:
        """What an earlier attempt left; None where there is nothing, or it isn't what was written.

        Raises:
            LeaseLost: The trial was taken.
        """
        if (stored := self._stored) is None:
            return None
        path = self._path(stored)
        if path.is_file() and sha256_of(path) == stored.sha256:
            return read_checkpoint(path)
        log.warning("trial row %d begins anew: %s is gone or altered", self._lease.trial_id, path)
        self._stored = None
        self._database.write_when_possible(lambda tx: leases.begin_anew(tx, self._lease))
        return None

    @property
    def is_due(self) -> bool:
        """Whether so much would be lost with this process that it is worth a file."""
        return time.monotonic() - self._saved_at >= self._settings.checkpoint_s

    def save(self, make: Callable[[], Checkpoint], record: Callable[[Transaction], object]) -> bool:
        """Keep a checkpoint in place of the one before, unless it finds no room; whether it did.

        Args:
            make: Makes it.
            record: Writes, in the same transaction, what is known of its epochs.

        Raises:
            LeaseLost: The trial was taken.
        """
        checkpoint, before = make(), self._stored
        path = self._path(StoredCheckpoint(self._lease.attempt, checkpoint.epoch, ""))
        try:
            with written_whole(path) as temporary:
                write_checkpoint(checkpoint, temporary)
                digest = sha256_of(temporary)
            stored = StoredCheckpoint(self._lease.attempt, checkpoint.epoch, digest)
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
