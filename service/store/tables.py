"""The tables: the one truth of the service. Times are seconds since the epoch, UTC."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
    text,
)

metadata = MetaData()

datasets = Table(
    "datasets",
    metadata,
    Column("id", String, primary_key=True, comment="SHA-256 of the file's content"),
    Column("name", String, nullable=False, unique=True),
    Column("filename", String, nullable=False, comment="inside the dataset's folder"),
    Column("info", JSON, nullable=False, comment="kerasearch.models.datasets.DatasetInfo"),
    Column("created_at", Float, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("reason", String),
    Column("request", JSON, nullable=False, comment="kerasearch.service.jobs.JobRequest"),
    Column("dataset_id", String, nullable=False, index=True),
    Column("idempotency_key", String, unique=True),
    Column("body_sha256", String, nullable=False),
    Column("best_trial_id", Integer),
    Column("best_attempt", Integer, comment="whose folder holds the best trial's model"),
    Column("best_value", Float),
    Column("pareto", JSON, comment="of several objectives: numbers of the Pareto set"),
    Column("pruner", JSON, comment="kerasearch.service.sampling.pruners.PickedPruner"),
    Column("experiment_id", String, comment="MLflow's"),
    Column("run_id", String, comment="MLflow's, of the parent run"),
    Column("test_read_at", Float, comment="first read of the sealed test part"),
    Column(
        "elapsed_s",
        Float,
        nullable=False,
        server_default="0",
        comment="that it has been running, by the scheduler's monotonic clock",
    ),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
)

warm_starts = Table(
    "warm_starts",
    metadata,
    Column("job_id", String, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("trials", JSON, nullable=False, comment="of earlier jobs, as they were then"),
    Column("report", JSON, nullable=False, comment="kerasearch.service.jobs.WarmStart"),
    comment="what a search knows from the start, so that it is the same after a restart",
)

retrainings = Table(
    "retrainings",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("job_id", String, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", String, nullable=False, index=True),
    Column("reason", String),
    Column("request", JSON, nullable=False, comment="kerasearch.service.trials.RetrainingRequest"),
    Column("params", JSON, nullable=False),
    Column("report", JSON),
    Column("digests", JSON, comment="SHA-256 by name of its files besides models"),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
)

trials = Table(
    "trials",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column(
        "retraining_id",
        String,
        ForeignKey("retrainings.id", ondelete="CASCADE"),
        index=True,
        comment="set for a repeat of a retraining, which is placed and leased as a trial is",
    ),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("params", JSON, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("token", String, comment="fencing token of the attempt that may write"),
    Column("beats", Integer, nullable=False, server_default="0", comment="signs of life"),
    Column("verdict", String, comment="why its process is to end it now, said by a pruner"),
    Column("checkpoint", JSON, comment="kerasearch.service.store.leases.StoredCheckpoint"),
    Column("value", Float),
    Column("std_error", Float, comment="of the value, the mean of several trainings"),
    Column("trainings", JSON, comment="kerasearch.service.trials.Training, of a trial of several"),
    Column("best_epoch", Integer),
    Column("metrics", JSON),
    Column("result", JSON, comment="a repeat's evaluations"),
    Column("reason", String),
    Column("device", String),
    Column("path", String, comment="what ran its epochs"),
    Column("path_reason", String),
    Column("memory_mib", Float, comment="at its peak, of the device"),
    Column("warnings", JSON, comment="sentences"),
    Column("run_id", String, comment="MLflow's"),
    Column("model_sha256", String),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index(
        "trials_number",
        "job_id",
        "number",
        unique=True,
        sqlite_where=text("retraining_id IS NULL"),
        postgresql_where=text("retraining_id IS NULL"),
    ),
    Index(
        "repeats_number",
        "retraining_id",
        "number",
        unique=True,
        sqlite_where=text("retraining_id IS NOT NULL"),
        postgresql_where=text("retraining_id IS NOT NULL"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("trial_id", Integer, ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("token", String, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("outcome", String, comment="a trial state, 'lost', 'hung' or 'stopped'"),
    Column("reason", String),
    Column("device", String),
    Column("pid", Integer),
)

reports = Table(
    "reports",
    metadata,
    Column("trial_id", Integer, ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("epoch", Integer, primary_key=True, comment="counted on from training to training"),
    Column("training", Integer, nullable=False, server_default="0", comment="of several, from 0"),
    Column("metrics", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

rungs = Table(
    "rungs",
    metadata,
    Column("trial_id", Integer, ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("job_id", String, nullable=False),
    Column("bracket", Integer, nullable=False),
    Column("cost", Float, nullable=False, comment="less is better"),
    Column("promoted", Boolean, nullable=False, server_default=false()),
    Index("rungs_by_cost", "job_id", "bracket", "epoch", "cost", "trial_id"),
    comment="what trials had come to where successive halving decides",
)

outbox = Table(
    "outbox",
    metadata,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("job_id", String, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String, nullable=False, comment="job, trial, report or retraining"),
    Column("subject", String, comment="trial's row or retraining's id"),
    Column("data", JSON, nullable=False, comment="what the event says"),
    Column("mirrored", Boolean, nullable=False, server_default=false()),
    Column("at", Float, nullable=False),
    Index(
        "outbox_to_mirror",
        "id",
        sqlite_where=text("NOT mirrored"),
        postgresql_where=text("NOT mirrored"),
    ),
    sqlite_autoincrement=True,  # an id is never used again: Last-Event-ID relies on it
    comment="what happened, in order: read by event streams and by the MLflow mirror",
)

deletions = Table(
    "deletions",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("experiment_id", String),
    Column("run_id", String),
    Column("at", Float, nullable=False),
    comment="deleted jobs whose files and MLflow runs are still to be deleted",
)
