"""The runs that MLflow has of a job, remembered, so that a trial costs few requests.

Nobody but the mirror makes runs of ours. Where it made a job's run it therefore knows every run of
the job; of a job that an earlier process began it looks for each run once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mlflow import MlflowClient
from mlflow.entities import Run

from kerasearch.service.mlflow_runs import milliseconds

PARENT = "mlflow.parentRunId"


@dataclass
class KnownRun:
    """A run, and what it says by now.

    Attributes:
        is_new: It was made here: nothing was logged to it or registered of it but what is known.
        metrics: That it had when it was found.
        last_step: Of its metrics; -1 before any, None where MLflow has to be asked.
        version: Of the registered model that is its model, where that is known.
        model_sha256: Of that version's model.
    """

    id: str
    experiment_id: str
    artifact_uri: str
    status: str
    tags: dict[str, str]
    is_new: bool
    metrics: frozenset[str] = frozenset()
    last_step: int | None = -1
    has_params: bool = False
    version: str | None = None
    model_sha256: str | None = None


class KnownRuns:
    """Runs by their job and their name, which no two of a job's share."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._runs: dict[str, dict[str, KnownRun]] = {}
        self._whole: set[str] = set()

    def get(self, job_id: str, name: str) -> KnownRun | None:
        return self._runs.get(job_id, {}).get(name)

    def find_or_make(
        self,
        job_id: str,
        experiment_id: str,
        name: str,
        begun: datetime,
        identity: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> KnownRun:
        """The run whose tags `identity` is; if there is none, it is made with these and `tags`.

        One without a parent is the job's own.
        """
        if known := self.get(job_id, name):
            return known
        run = None if job_id in self._whole else self._find(experiment_id, identity)
        if run is not None:
            known = _found(run)
        else:
            at = milliseconds(begun)
            run = self._client.create_run(experiment_id, at, {**identity, **tags}, name)
            known = _made(run)
            if PARENT not in tags:
                self._whole.add(job_id)
        self._runs.setdefault(job_id, {})[name] = known
        return known

    def forget(self, job_id: str) -> None:
        """Each of the job's runs is looked for before it is used again."""
        self._runs.pop(job_id, None)
        self._whole.discard(job_id)

    def _find(self, experiment_id: str, identity: Mapping[str, str]) -> Run | None:
        wanted = " AND ".join(f"tags.`{tag}` = '{value}'" for tag, value in identity.items())
        return next(iter(self._client.search_runs([experiment_id], wanted, max_results=1)), None)


def _made(run: Run) -> KnownRun:
    info = run.info
    return KnownRun(
        info.run_id, info.experiment_id, info.artifact_uri, info.status, run.data.tags, is_new=True
    )


def _found(run: Run) -> KnownRun:
    known = _made(run)
    known.is_new, known.last_step, known.metrics = False, None, frozenset(run.data.metrics)
    return known
