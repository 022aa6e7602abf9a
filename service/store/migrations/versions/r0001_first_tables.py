"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(), nullable=False, comment="SHA-256 of the file's content"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False, comment="inside the dataset's folder"),
        sa.Column(
            "info", sa.JSON(), nullable=False, comment="kerasearch.models.datasets.DatasetInfo"
        ),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "jobs",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column(
            "request", sa.JSON(), nullable=False, comment="kerasearch.service.jobs.JobRequest"
        ),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("best_trial_id", sa.Integer(), nullable=True),
        sa.Column("best_value", sa.Float(), nullable=True),
        sa.Column("experiment_id", sa.String(), nullable=True, comment="MLflow's"),
        sa.Column("run_id", sa.String(), nullable=True, comment="MLflow's, of the parent run"),
        sa.Column(
            "test_read_at", sa.Float(), nullable=True, comment="first read of the sealed test part"
        ),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index(op.f("ix_jobs_dataset_id"), "jobs", ["dataset_id"], unique=False)
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)
    op.create_table(
        "outbox",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="job, trial, report or retraining"),
        sa.Column("subject", sa.String(), nullable=True, comment="trial's row or retraining's id"),
        sa.Column("data", sa.JSON(), nullable=False, comment="what the event says"),
        sa.Column("mirrored", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        comment="what happened, in order: read by event streams and by the MLflow mirror",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_job_id"), "outbox", ["job_id"], unique=False)
    op.create_index(
        "outbox_to_mirror",
        "outbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("NOT mirrored"),
        postgresql_where=sa.text("NOT mirrored"),
    )
    op.create_table(
        "retrainings",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column(
            "request",
            sa.JSON(),
            nullable=False,
            comment="kerasearch.service.trials.RetrainingRequest",
        ),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(op.f("ix_retrainings_job_id"), "retrainings", ["job_id"], unique=False)
    op.create_index(op.f("ix_retrainings_state"), "retrainings", ["state"], unique=False)
    op.create_table(
        "trials",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column(
            "retraining_id",
            sa.String(),
            nullable=True,
            comment="set for a repeat of a retraining, which is placed and leased as a trial is",
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "token",
            sa.String(),
            nullable=True,
            comment="fencing token of the attempt that may write",
        ),
        sa.Column(
            "beats", sa.Integer(), server_default="0", nullable=False, comment="signs of life"
        ),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("best_epoch", sa.Integer(), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True, comment="a repeat's evaluations"),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("device", sa.String(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True, comment="MLflow's"),
        sa.Column("model_sha256", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["retraining_id"], ["retrainings.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_trials_retraining_id"), "trials", ["retraining_id"], unique=False)
    op.create_index(op.f("ix_trials_state"), "trials", ["state"], unique=False)
    op.create_index(
        "repeats_number",
        "trials",
        ["retraining_id", "number"],
        unique=True,
        sqlite_where=sa.text("retraining_id IS NOT NULL"),
        postgresql_where=sa.text("retraining_id IS NOT NULL"),
    )
    op.create_index(
        "trials_number",
        "trials",
        ["job_id", "number"],
        unique=True,
        sqlite_where=sa.text("retraining_id IS NULL"),
        postgresql_where=sa.text("retraining_id IS NULL"),
    )
    op.create_table(
        "attempts",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column(
            "outcome",
            sa.String(),
            nullable=True,
            comment="a trial state, 'lost', 'hung' or 'stopped'",
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("device", sa.String(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trial_id", "number"),
    )
    op.create_table(
        "reports",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trial_id", "attempt", "epoch"),
    )
