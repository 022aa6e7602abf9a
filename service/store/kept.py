"""What should be in the data folder, by the tables."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from kerasearch.service.store.tables import deletions, jobs, retrainings, trials


@dataclass(frozen=True)
class KeptModel:
    """A model that a trial's last attempt, or a repeat, has left."""

    trial_id: int
    job_id: str
    retraining_id: str | None
    number: int
    attempt: int
    sha256: str


@dataclass(frozen=True)
class KeptArtifacts:
    """SHA-256 by name of what an ended retraining has left besides models."""

    job_id: str
    retraining_id: str
    digests: dict[str, str]


def kept_models(tx: Connection) -> list[KeptModel]:
    chosen = select(trials).where(trials.c.model_sha256.is_not(None)).order_by(trials.c.id)
    return [
        KeptModel(row.id, row.job_id, row.retraining_id, row.number, row.attempt, row.model_sha256)
        for row in tx.execute(chosen)
    ]


def forget_model(tx: Connection, trial_id: int, reason: str) -> None:
    """The trial keeps its value, and says why it has no model any more."""
    chosen = update(trials).where(trials.c.id == trial_id)
    tx.execute(chosen.values(model_sha256=None, reason=reason))


def kept_artifacts(tx: Connection) -> list[KeptArtifacts]:
    chosen = select(retrainings).order_by(retrainings.c.seq)
    return [KeptArtifacts(row.job_id, row.id, row.digests or {}) for row in tx.execute(chosen)]


def jobs_with_files(tx: Connection) -> set[str]:
    """Ids of all jobs, and of deleted ones whose files are about to be."""
    ids = select(jobs.c.id).union(select(deletions.c.job_id))
    return set(tx.execute(ids).scalars())
