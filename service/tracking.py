"""The mirror's hand: makes MLflow agree with our tables, as often as it takes.

Every `sync_` looks for what is there before it makes anything, and says last that all is done, so
that it may be repeated whenever MLflow was away or the mirror died in the middle.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from pathlib import Path

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
from mlflow.entities import (
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from kerasearch.service.jobs import Job
from kerasearch.service.mlflow_model import write_mlflow_model
from kerasearch.service.mlflow_pages import RunLink
from kerasearch.service.mlflow_runs import (
    STATUS,
    collect_files,
    epochs_of,
    figures_of,
    flat,
    milliseconds,
    span_of,
)
from kerasearch.service.trials import Retraining, Trial

KIND = "kerasearch.kind"
JOB = "kerasearch.job"
TRIAL = "kerasearch.trial"
RETRAINING = "kerasearch.retraining"
STATE = "kerasearch.state"
REASON = "kerasearch.reason"

NO_PARAMS = {"name", "budget", "resources"}
"""Of a job: its experiment's name, and what may change, as MLflow's params never do."""

_PARENT = "mlflow.parentRunId"


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


class Tracking:
    """MLflow, as the mirror writes to it.

    Every method raises TrackingUnavailable or TrackingRefused.

    Args:
        tracking_uri: MLflow's address, its prefix included.
        artifacts: Folder of its artifacts where that is on this machine: what trials leave is put
            there without asking the server for each file, which costs both 10 ms.
    """

    def __init__(self, tracking_uri: str, artifacts: Path | None = None) -> None:
        self._uri = tracking_uri
        self._artifacts = artifacts
        self._client = MlflowClient(tracking_uri)

    @_translated()
    def sync_job(self, job: Job, trials: Sequence[Trial], plots: Sequence[Path]) -> RunLink:
        """One experiment a job name, one parent run a job."""
        experiment_id = self._experiment(job.name)
        begun = job.started_at or job.created_at
        run = self._run(experiment_id, {KIND: "job", JOB: job.id}, f"job {job.id}", begun)
        run_id = run.info.run_id
        request = job.request.model_dump(mode="json", exclude_none=True, exclude=NO_PARAMS)
        space = {f"space.{name}": json.dumps(given) for name, given in request.pop("space").items()}
        budget = job.request.budget.model_dump(exclude_none=True)
        resources = job.request.resources.model_dump(exclude_none=True)
        ended = [trial for trial in trials if trial.state.ended]
        metrics = []
        if job.best is not None:
            at = max((span_of(job, trial)[1] or begun for trial in ended), default=begun)
            metrics = [
                Metric(f"best_{name}", value, milliseconds(at), len(ended))
                for name, value in job.best.metrics.items()
            ]
            self._client.log_dict(run_id, job.best.params, "best_params.json")
        for plot in plots:
            self._client.log_artifact(run_id, str(plot))
        self._log(
            run_id,
            metrics,
            flat(request) | space,
            {
                STATE: job.state,
                REASON: _reason(run, job.reason),
                "kerasearch.dataset": job.dataset_id,
                **{f"kerasearch.budget.{name}": value for name, value in budget.items()},
                **{f"kerasearch.resources.{name}": value for name, value in resources.items()},
            },
        )
        self._set_status(run, job.state, job.ended_at)
        return RunLink(experiment_id, run_id)

    @_translated()
    def sync_trial(
        self, job: Job, parent: RunLink, trial: Trial, files: Path, *, is_best: bool
    ) -> str:
        """A child run; its id.

        `files` holds what the trial left: its evaluation's tables, model_summary.txt and
        model.keras. The model of the best trial becomes the registered model's version `best`.
        """
        begun, ended = span_of(job, trial)
        run = self._run(
            parent.experiment_id,
            {KIND: "trial", JOB: job.id, TRIAL: str(trial.number)},
            f"trial {trial.number}",
            begun,
            parent,
        )
        run_id: str = run.info.run_id
        metrics = epochs_of(trial, begun, ended, after=self._last_epoch(run, trial))
        if ended is not None:
            metrics += [
                Metric(f"best_{name}", value, milliseconds(ended), trial.best_epoch or 0)
                for name, value in trial.metrics.items()
            ]
        self._log(
            run_id,
            metrics,
            trial.params,
            {
                STATE: trial.state,
                REASON: _reason(run, trial.reason),
                "kerasearch.dataset": job.dataset_id,
                "kerasearch.seed": trial.seed,
                **({"kerasearch.path": f"{trial.path}: {trial.path_reason}"} if trial.path else {}),
            },
        )
        if trial.state.ended:
            with self._artifact_folder(run) as folder:
                collect_files(trial, files, folder, is_best=is_best)
        if is_best and (files / "model.keras").is_file():
            self._register(job, run, trial, files)
        self._set_status(run, trial.state, ended)
        return run_id

    @_translated()
    def sync_retraining(
        self, job: Job, parent: RunLink, retraining: Retraining, files: Path
    ) -> str:
        """A child run: each repeat's metrics, the report's numbers, all files but the models."""
        run = self._run(
            parent.experiment_id,
            {KIND: "retraining", JOB: job.id, RETRAINING: retraining.id},
            f"retraining {retraining.id}",
            retraining.created_at,
            parent,
        )
        run_id: str = run.info.run_id
        at = milliseconds(retraining.ended_at or retraining.created_at)
        metrics = [
            Metric(name, value, at, repeat.number)
            for repeat in retraining.repeats
            for name, value in repeat.metrics.items()
        ]
        metrics += [Metric(name, v, at, 0) for name, v in figures_of(retraining.report or {})]
        self._log(
            run_id,
            metrics,
            retraining.params,
            {
                STATE: retraining.state,
                REASON: retraining.reason,
                "kerasearch.dataset": job.dataset_id,
            },
        )
        for file in sorted(files.glob("[!.]*")):
            if file.suffix in (".csv", ".json", ".png"):
                self._client.log_artifact(run_id, str(file))
        self._set_status(run, retraining.state, retraining.ended_at)
        return run_id

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

    def _run(
        self,
        experiment_id: str,
        identity: Mapping[str, str],
        name: str,
        begun: datetime,
        parent: RunLink | None = None,
    ) -> Run:
        """The run with these tags, made if there is none."""
        wanted = " AND ".join(f"tags.`{tag}` = '{value}'" for tag, value in identity.items())
        if found := self._client.search_runs([experiment_id], wanted, max_results=1):
            return found[0]
        tags = dict(identity) if parent is None else {**identity, _PARENT: parent.run_id}
        return self._client.create_run(experiment_id, milliseconds(begun), tags, name)

    @contextmanager
    def _artifact_folder(self, run: Run) -> Iterator[Path]:
        """A folder whose files are the run's artifacts after the block."""
        scheme, _, location = run.info.artifact_uri.partition(":/")
        if self._artifacts is not None and scheme == "mlflow-artifacts":
            folder = (self._artifacts / location).resolve()
            if folder.is_relative_to(self._artifacts.resolve()):  # any client may set a location
                folder.mkdir(parents=True, exist_ok=True)
                yield folder
                return
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
            self._client.log_artifacts(run.info.run_id, temporary)

    def _last_epoch(self, run: Run, trial: Trial) -> int:
        """The last epoch that MLflow has; 0 of a run that is new."""
        name = next((name for name in trial.curves if name in run.data.metrics), None)
        if name is None:
            return 0
        return max(m.step for m in self._client.get_metric_history(run.info.run_id, name))

    def _log(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Mapping[str, object],
        tags: Mapping[str, object],
    ) -> None:
        """Log any number of each: MLflow takes 1000 at once, 100 of them params."""
        given = [Param(name, str(value)) for name, value in params.items()]
        said = [RunTag(tag, str(v)[:5000]) for tag, v in tags.items() if v is not None]
        for i in range(max(1, ceil(len(metrics) / 800), ceil(len(given) / 100))):
            self._client.log_batch(
                run_id,
                metrics[800 * i : 800 * (i + 1)],
                given[100 * i : 100 * (i + 1)],
                said if i == 0 else (),
            )

    def _set_status(self, run: Run, state: str, ended: datetime | None) -> None:
        status = STATUS[state]
        if ended is not None:
            self._client.set_terminated(run.info.run_id, status, milliseconds(ended))
        elif status != run.info.status:
            self._client.update_run(run.info.run_id, status)

    def _register(self, job: Job, run: Run, trial: Trial, files: Path) -> None:
        """Make the trial's model the version `best` of the model that is named for the job."""
        tags = {JOB: job.id, TRIAL: str(trial.number)}
        model = self._logged_model(run, trial, files, tags)
        name = re.sub(r"[/:]|^\.\.?", "-", job.name)  # what MLflow has no names of models with
        versions = list(self._client.search_model_versions(f"run_id = '{run.info.run_id}'"))
        if not versions:
            try:
                self._client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            versions = [
                self._client.create_model_version(
                    name,
                    f"models:/{model.model_id}",
                    run.info.run_id,
                    tags,
                    await_creation_for=0,
                    model_id=model.model_id,
                )
            ]
        self._client.set_registered_model_alias(name, "best", versions[0].version)

    def _logged_model(
        self, run: Run, trial: Trial, files: Path, tags: Mapping[str, str]
    ) -> LoggedModel:
        run_id = run.info.run_id
        found = self._client.search_logged_models(
            [run.info.experiment_id], f"source_run_id = '{run_id}'"
        )
        model = (
            found[0]
            if found
            else self._client.create_logged_model(
                run.info.experiment_id,
                "model",
                run_id,
                dict(tags),
                {name: str(value) for name, value in trial.params.items()},
                "keras",
            )
        )
        if model.status != LoggedModelStatus.READY:
            with tempfile.TemporaryDirectory() as folder:
                write_mlflow_model(files / "model.keras", model.model_id, run_id, Path(folder))
                self._client.log_model_artifacts(model.model_id, folder)
            self._client.log_outputs(
                run_id, [LoggedModelOutput(model.model_id, trial.best_epoch or 0)]
            )
            self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        return model

    def _delete_run(self, run: Run) -> None:
        self._delete_files(run.info.artifact_uri)
        self._client.delete_run(run.info.run_id)

    def _delete_files(self, location: str) -> None:
        get_artifact_repository(location, self._uri).delete_artifacts()  # type: ignore[no-untyped-call]


def _reason(run: Run, reason: str | None) -> str | None:
    """A job or a trial that goes on loses the reason that it had ended for."""
    return "" if reason is None and REASON in run.data.tags else reason
