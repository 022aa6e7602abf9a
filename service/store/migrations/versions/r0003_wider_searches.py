"""What wider searches keep of a trial; time that is counted, not compared."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = {
    "jobs": (
        sa.Column(
            "best_attempt", sa.Integer(), comment="whose folder holds the best trial's model"
        ),
        sa.Column("pruner", sa.JSON(), comment="kerasearch.service.sampling.pruners.PickedPruner"),
    ),
    "trials": (
        sa.Column(
            "verdict", sa.String(), comment="why its process is to end it now, said by a pruner"
        ),
        sa.Column(
            "checkpoint", sa.JSON(), comment="kerasearch.service.store.leases.StoredCheckpoint"
        ),
        sa.Column("std_error", sa.Float(), comment="of the value, the mean of several trainings"),
        sa.Column(
            "trainings",
            sa.JSON(),
            comment="kerasearch.service.trials.Training, of a trial of several",
        ),
        sa.Column("path", sa.String(), comment="what ran its epochs"),
        sa.Column("path_reason", sa.String()),
        sa.Column("memory_mib", sa.Float(), comment="at its peak, of the device"),
        sa.Column("warnings", sa.JSON(), comment="sentences"),
    ),
    "reports": (
        sa.Column(
            "training",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="of several, from 0",
        ),
    ),
}


def upgrade() -> None:
    op.execute(
        "UPDATE jobs SET elapsed_s = elapsed_s - running_since + "
        "coalesce((SELECT max(at) FROM outbox WHERE job_id = jobs.id), running_since) "
        "WHERE running_since IS NOT NULL"
    )
    op.drop_column("jobs", "running_since")
    op.add_column(
        "jobs",
        sa.Column(
            "pareto",
            sa.JSON(),
            nullable=True,
            comment="of several objectives: numbers of the Pareto set",
        ),
    )
    op.create_table(
        "warm_starts",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column(
            "trials",
            sa.JSON(),
            nullable=False,
            comment="of earlier jobs, as they were then",
        ),
        sa.Column("report", sa.JSON(), nullable=False, comment="kerasearch.service.jobs.WarmStart"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
        comment="what a search knows from the start, so that it is the same after a restart",
    )
    op.add_column(
        "retrainings",
        sa.Column("digests", sa.JSON(), comment="SHA-256 by name of its files besides models"),
    )
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "rungs",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("bracket", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False, comment="less is better"),
        sa.Column("promoted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trial_id", "epoch"),
        comment="what trials had come to where successive halving decides",
    )
    op.create_index("rungs_by_cost", "rungs", ["job_id", "bracket", "epoch", "cost", "trial_id"])
