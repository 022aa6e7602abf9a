"""What MLflow shows of a job, as the benchmarks count it."""

import mlflow
from mlflow.entities import Run

from kerasearch.service.jobs import Job


def ended_runs(tracking: mlflow.MlflowClient, job: Job) -> list[Run]:
    """Finished or failed runs of a job; one that still goes on isn't mirrored."""
    experiment = tracking.get_experiment_by_name(job.name)
    if experiment is None:
        return []
    own = f"tags.`kerasearch.job` = '{job.id}' AND attributes.status != 'RUNNING'"
    return list(tracking.search_runs([experiment.experiment_id], own))
