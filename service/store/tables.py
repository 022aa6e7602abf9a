"""The tables: the one truth of the service. Times are seconds since the epoch, UTC."""

from sqlalchemy import (
    JSON,
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
    Column("best_value", Float),
    Column("experiment_id", String, comment="MLflow's"),
    Column("run_id", String, comment="MLflow's, of the parent run"),
    Column("test_read_at", Float, comment="first read of the sealed test part"),
    Column(
        "elapsed_s",
        Float,
        nullable=False,
        server_default="0",
        comment="that it has been running, until running_since",
    ),
    Column("running_since", Float, comment="null where its time doesn't run"),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
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
    Column("value", Float),
    Column("best_epoch", Integer),
    Column("metrics", JSON),
    Column("result", JSON, comment="a repeat's evaluations"),
    Column("reason", String),
    Column("device", String),
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
    Column("epoch", Integer, primary_key=True),
    Column("metrics", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
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
