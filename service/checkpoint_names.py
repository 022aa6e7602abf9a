"""Where the checkpoints of trials lie, for who removes them without reading any."""

from collections.abc import Iterable
from pathlib import Path

from kerasearch.service.settings import Settings
from kerasearch.service.store.leases import StoredCheckpoint


def checkpoint_path(
    settings: Settings, job_id: str, trial_id: int, checkpoint: StoredCheckpoint
) -> Path:
    # With the attempt: one that lost its lease may still write its own.
    name = f"{trial_id}-{checkpoint.attempt}-{checkpoint.epoch}.npz"
    return settings.checkpoints_dir(job_id) / name


def remove_checkpoints(settings: Settings, job_id: str, trial_ids: Iterable[int]) -> None:
    """What processes have left of trials that ended for good."""
    ended = {str(trial_id) for trial_id in trial_ids}
    for path in settings.checkpoints_dir(job_id).glob("*.npz"):
        if path.name.partition("-")[0] in ended:
            path.unlink(missing_ok=True)
