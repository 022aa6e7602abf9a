"""The mirror's hand: makes MLflow agree with our tables, as often as it takes.

Every `sync_` looks for what is there before it makes anything, and says last that all is done, so
that it may be repeated whenever MLflow was away or the mirror died in the middle.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from math import ceil
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

os.environ.update(
    {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        # The outbox tries again; MLflow's own retries would block for minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    }
)

import requests
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from kerasearch.service.jobs import Job
from kerasearch.service.known_runs import PARENT, KnownRun, KnownRuns
from kerasearch.service.mlflow_artifacts import ArtifactFolders
from kerasearch.service.mlflow_pages import RunLink, mlflow_name, trials_view
from kerasearch.service.mlflow_runs import (
    JOB,
    STATUS,
    Metric,
    collect_files,
    epochs_of,
    figures_of,
    milliseconds,
    params_of,
    span_of,
)
from kerasearch.service.registered_models import RegisteredModels
from kerasearch.service.trials import Retraining, Trial

for package in ("dbruntime", "pyspark"):
    # Before each request MLflow tries to import them, to see whether it is at Databricks: 2 ms.
    sys.modules.setdefault(package, None)  # type: ignore[arg-type]  # import's own word for no

KIND = "kerasearch.kind"
RETRAINING = "kerasearch.retraining"
STATE = "kerasearch.state"
REASON = "kerasearch.reason"

TIMEOUT_S = 30

P = ParamSpec("P")
T = TypeVar("T")


class TrackingUnavailable(Exception):  # noqa: N818 - HTTP's word
    """MLflow is down, starting or out of breath: repeat later."""


class TrackingRefused(Exception):  # noqa: N818
    """MLflow won't take it: repeating doesn't help."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (MlflowException, requests.RequestException) as error:
        # MLflow raises its own exception while it handles that of the connection.
        causes = (error, error.__cause__, error.__context__)
        if any(isinstance(c, requests.ConnectionError | requests.Timeout) for c in causes):
            raise TrackingUnavailable(str(error)) from error
        if isinstance(error, MlflowException):
            status = error.get_http_status_code()  # type: ignore[no-untyped-call]
        else:
            status = 400 if error.response is None else error.response.status_code
        raise (TrackingUnavailable if status >= 500 else TrackingRefused)(str(error)) from error


def _of_job(
    sync: "Callable[Concatenate[Tracking, Job, P], T]",
) -> "Callable[Concatenate[Tracking, Job, P], T]":
    """Whatever fails, what MLflow has of the job isn't known any more."""

    def sync_once(self: "Tracking", job: Job, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with _translated():
                return sync(self, job, *args, **kwargs)
        except BaseException:
            self._runs.forget(job.id)
            raise

    @wraps(sync)
    def synced(self: "Tracking", job: Job, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return sync_once(self, job, *args, **kwargs)
        except TrackingRefused:  # a run that a person has deleted there is made again
            return sync_once(self, job, *args, **kwargs)

    return synced


class Tracking:
    """MLflow, as the mirror writes to it.

    Every method raises TrackingUnavailable or TrackingRefused.

    Args:
        tracking_uri: MLflow's address, its prefix included.
        artifacts: As of `ArtifactFolders`.
    """

    def __init__(self, tracking_uri: str, artifacts: Path | None = None) -> None:
        self._uri = tracking_uri
        self._client = MlflowClient(tracking_uri)
        self._runs = KnownRuns(self._client)
        self._folders = ArtifactFolders(artifacts)
        self._models = RegisteredModels(self._client, self._folders)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands before loopback

    @_of_job
    def sync_job(self, job: Job, plots: Sequence[Path]) -> RunLink:
        """One experiment a job name, one parent run a job."""
        name = f"job {job.id}"
        known = self._runs.get(job.id, name)
        experiment_id = known.experiment_id if known else self._experiment(job.name)
        run = self._runs.find_or_make(
            job.id,
            experiment_id,
            name,
            job.started_at or job.created_at,
            identity={KIND: "job", JOB: job.id},
            tags={},
        )
        link = RunLink(experiment_id, run.id)
        params: dict[str, object] = {}
        if not run.has_params:
            view = trials_view(link, job.request.objectives[0], job.request.space)
            self._client.set_experiment_tag(experiment_id, *view)
            params = params_of(job)
        budget = job.request.budget.model_dump(exclude_none=True)
        resources = job.request.resources.model_dump(exclude_none=True)
        ended = sum(number for state, number in job.trials.items() if state.ended)
        metrics = []
        if job.best is not None and (run.last_step is None or ended > run.last_step):
            at = milliseconds(job.ended_at or datetime.now(UTC))
            metrics = [
                Metric(f"best_{name}", value, at, ended) for name, value in job.best.metrics.items()
            ]
        with self._artifact_folder(run) as folder:
            for plot in plots:
                shutil.copyfile(plot, folder / plot.name)
            if metrics and job.best is not None:
                (folder / "best_params.json").write_text(json.dumps(job.best.params, indent=2))
        self._log(
            run,
            metrics,
            params,
            {
                STATE: job.state,
                REASON: _reason(run, job.reason),
                "kerasearch.dataset": job.dataset_id,
                **{f"kerasearch.budget.{name}": value for name, value in budget.items()},
                **{f"kerasearch.resources.{name}": value for name, value in resources.items()},
            },
        )
        self._set_status(run, job.state, job.ended_at)
        if job.state.ended:
            self._runs.forget(job.id)  # whatever comes now is rare
        return link

    @_of_job
    def sync_trial(
        self, job: Job, parent: RunLink, trial: Trial, files: Path, *, is_best: bool
    ) -> str:
        """A child run; its id.

        `files` holds what the trial left: its evaluation's tables, model_summary.txt and
        model.keras. The model of the best trial becomes the registered model's version `best`.
        """
        begun, ended = span_of(job, trial)
        tags = {
            STATE: trial.state,
            "kerasearch.dataset": job.dataset_id,
            "kerasearch.seed": trial.seed,
            "kerasearch.path": f"{trial.path}: {trial.path_reason}" if trial.path else None,
            "kerasearch.warnings": "; ".join(trial.warnings) or None,
        }
        run = self._child(job, parent, "trial", str(trial.number), begun, tags)
        metrics = epochs_of(trial, begun, ended, after=self._last_epoch(run, trial))
        if ended is not None:
            metrics += [
                Metric(f"best_{name}", value, milliseconds(ended), trial.best_epoch or 0)
                for name, value in trial.metrics.items()
            ]
        self._log(run, metrics, trial.params, tags | {REASON: _reason(run, trial.reason)})
        if trial.state.ended:
            with self._artifact_folder(run) as folder:
                collect_files(trial, files, folder, is_best=is_best)
        if is_best and (files / "model.keras").is_file():
            self._models.register(job, run, trial, files)
        self._set_status(run, trial.state, ended)
        return run.id

    @_of_job
    def sync_retraining(
        self, job: Job, parent: RunLink, retraining: Retraining, files: Path
    ) -> str:
        """A child run: each repeat's metrics, the report's numbers, all files but the models."""
        tags = {
            STATE: retraining.state,
            REASON: retraining.reason,
            "kerasearch.dataset": job.dataset_id,
        }
        run = self._child(job, parent, "retraining", retraining.id, retraining.created_at, tags)
        at = milliseconds(retraining.ended_at or retraining.created_at)
        metrics = [
            Metric(name, value, at, repeat.number)
            for repeat in retraining.repeats
            for name, value in repeat.metrics.items()
        ]
        metrics += [Metric(name, v, at, 0) for name, v in figures_of(retraining.report or {})]
        self._log(run, metrics, retraining.params, tags)
        with self._artifact_folder(run) as folder:
            for file in files.glob("[!.]*"):
                if file.suffix in (".csv", ".json", ".png"):
                    shutil.copyfile(file, folder / file.name)
        self._set_status(run, retraining.state, retraining.ended_at)
        return run.id

    @_translated()
    def delete_job(self, link: RunLink) -> None:
        """Delete the job's runs, their files and models; the experiment too if it is empty then."""
        try:
            parent = self._client.get_run(link.run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return
            raise
        job_id, experiment_ids = parent.data.tags[JOB], [link.experiment_id]
        self._runs.forget(job_id)
        ours = f"tags.`{JOB}` = '{job_id}'"
        names = set()
        while versions := self._client.search_model_versions(ours):
            for version in versions:
                self._client.delete_model_version(version.name, version.version)
                names.add(version.name)
        for name in names:
            if not self._client.get_registered_model(name).latest_versions:
                self._client.delete_registered_model(name)
        while models := self._client.search_logged_models(experiment_ids, ours):
            for model in models:
                self._delete_files(model.artifact_location)
                self._client.delete_logged_model(model.model_id)
        while runs := self._client.search_runs(
            experiment_ids, f"{ours} AND tags.`{KIND}` != 'job'"
        ):
            for run in runs:
                self._delete_run(run)
        if parent.info.lifecycle_stage == "active":
            self._delete_run(parent)
        if not self._client.search_runs(experiment_ids, max_results=1):
            experiment = self._client.get_experiment(link.experiment_id)
            if experiment.lifecycle_stage == "active":
                # A deleted experiment keeps its name from the next one of that name.
                self._client.rename_experiment(
                    link.experiment_id, f"{experiment.name} (deleted {link.experiment_id})"
                )
                self._client.delete_experiment(link.experiment_id)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            # The kind keeps MLflow's page from guessing, and asking, whether this is about agents.
            return self._client.create_experiment(
                name, tags={"mlflow.experimentKind": "custom_model_development"}
            )
        if found.lifecycle_stage != "active":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _child(
        self,
        job: Job,
        parent: RunLink,
        kind: str,
        name: str,
        begun: datetime,
        tags: Mapping[str, object],
    ) -> KnownRun:
        """The run of a trial or a retraining below its job's."""
        return self._runs.find_or_make(
            job.id,
            parent.experiment_id,
            f"{kind} {name}",
            begun,
            identity={KIND: kind, JOB: job.id, f"kerasearch.{kind}": name},
            tags=_said(tags) | {PARENT: parent.run_id},
        )

    @contextmanager
    def _artifact_folder(self, run: KnownRun) -> Iterator[Path]:
        """A folder whose files are the run's artifacts after the block."""
        upload = partial(self._client.log_artifacts, run.id)
        with self._folders.at(run.artifact_uri, upload) as folder:
            yield folder

    def _last_epoch(self, run: KnownRun, trial: Trial) -> int:
        """The last epoch that MLflow has; of a new run none."""
        if run.last_step is None:
            name = next(
                (name for name in map(mlflow_name, trial.curves) if name in run.metrics), None
            )
            history = [] if name is None else self._client.get_metric_history(run.id, name)
            run.last_step = max((metric.step for metric in history), default=-1)
        return run.last_step

    def _log(
        self,
        run: KnownRun,
        metrics: Sequence[Metric],
        params: Mapping[str, object],
        tags: Mapping[str, object],
    ) -> None:
        """Log any number of each: MLflow takes 1000 at once, 100 of them params."""
        said = {tag: v for tag, v in _said(tags).items() if run.tags.get(tag) != v}
        named = {mlflow_name(name): str(value) for name, value in params.items()}
        given = {} if run.has_params else named
        if not (metrics or given or said):
            return
        shown: dict[str, list[Any]] = {  # JSON
            "metrics": [metric.as_json() for metric in metrics],
            "params": _listed(given),
            "tags": _listed(said),
        }
        for i in range(max(1, ceil(len(metrics) / 800), ceil(len(given) / 100))):
            self._post(
                "runs/log-batch",
                {
                    "run_id": run.id,
                    "metrics": shown["metrics"][800 * i : 800 * (i + 1)],
                    "params": shown["params"][100 * i : 100 * (i + 1)],
                    "tags": shown["tags"] if i == 0 else [],
                },
            )
        run.tags |= said
        run.has_params = True
        if metrics:
            run.last_step = max(run.last_step or -1, *(metric.step for metric in metrics))

    def _post(self, path: str, body: dict[str, Any]) -> None:  # JSON
        """As MLflow's client would, which takes ten times as long over 160 metrics."""
        url = f"{self._uri}/api/2.0/mlflow/{path}"
        answer = self._session.post(url, json=body, timeout=TIMEOUT_S)
        if not answer.ok:
            raise requests.HTTPError(answer.text, response=answer)

    def _set_status(self, run: KnownRun, state: str, ended: datetime | None) -> None:
        status = STATUS[state]
        if ended is not None:
            self._client.set_terminated(run.id, status, milliseconds(ended))
        elif status != run.status:
            self._client.update_run(run.id, status)
        run.status = status

    def _delete_run(self, run: Run) -> None:
        self._delete_files(run.info.artifact_uri)
        self._client.delete_run(run.info.run_id)

    def _delete_files(self, location: str) -> None:
        get_artifact_repository(location, self._uri).delete_artifacts()  # type: ignore[no-untyped-call]


def _listed(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _said(tags: Mapping[str, object]) -> dict[str, str]:
    return {tag: str(value)[:5000] for tag, value in tags.items() if value is not None}


def _reason(run: KnownRun, reason: str | None) -> str | None:
    """A job or a trial that goes on loses the reason that it had ended for."""
    return "" if reason is None and REASON in run.tags else reason
