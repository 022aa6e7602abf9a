"""The time that a job has been running, and jobs that are being deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column(
            "elapsed_s",
            sa.Float(),
            server_default="0",
            nullable=False,
            comment="that it has been running, by the scheduler's monotonic clock",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "running_since", sa.Float(), nullable=True, comment="null where its time doesn't run"
        ),
    )
    op.execute("UPDATE jobs SET running_since = started_at WHERE ended_at IS NULL")
    op.execute("UPDATE jobs SET elapsed_s = ended_at - started_at WHERE started_at < ended_at")
    op.create_table(
        "deletions",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("experiment_id", sa.String(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
        comment="deleted jobs whose files and MLflow runs are still to be deleted",
    )
