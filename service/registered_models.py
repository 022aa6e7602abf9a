"""MLflow's registered models: of each job name one, whose version `best` is the best trial's."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from kerasearch.service.jobs import Job
from kerasearch.service.known_runs import KnownRun
from kerasearch.service.mlflow_artifacts import ArtifactFolders
from kerasearch.service.mlflow_model import write_mlflow_model
from kerasearch.service.mlflow_pages import mlflow_name
from kerasearch.service.mlflow_runs import JOB, MODEL, TRIAL
from kerasearch.service.trials import Trial


class RegisteredModels:
    """What is there is looked for before anything is made, so that all may be repeated."""

    def __init__(self, client: MlflowClient, folders: ArtifactFolders) -> None:
        self._client = client
        self._folders = folders

    def register(self, job: Job, run: KnownRun, trial: Trial, files: Path) -> None:
        """Make the trial's model the version `best` of the model that is named for the job."""
        name = re.sub(r"[/:]|^\.\.?", "-", job.name)  # what MLflow has no names of models with
        if run.version is None or run.model_sha256 != trial.model_sha256:
            tags = {JOB: job.id, TRIAL: str(trial.number), MODEL: str(trial.model_sha256)}
            model = self._logged_model(run, trial, files, tags)
            ours = f"run_id = '{run.id}'"
            known = [] if run.is_new else self._client.search_model_versions(ours)
            found = [version for version in known if version.tags.get(MODEL) == tags[MODEL]]
            version = found[0] if found else self._version(name, model, run, tags)
            run.version, run.model_sha256 = version.version, trial.model_sha256
        self._client.set_registered_model_alias(name, "best", run.version)

    def _version(
        self, name: str, model: LoggedModel, run: KnownRun, tags: dict[str, str]
    ) -> ModelVersion:
        """A new version of the registered model, which is made with its first."""
        make = partial(
            self._client.create_model_version,
            name,
            f"models:/{model.model_id}",
            run.id,
            tags,
            await_creation_for=0,
            model_id=model.model_id,
        )
        try:
            return make()
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        self._client.create_registered_model(name)
        return make()

    def _logged_model(
        self, run: KnownRun, trial: Trial, files: Path, tags: Mapping[str, str]
    ) -> LoggedModel:
        ours = f"source_run_id = '{run.id}'"
        known = [] if run.is_new else self._client.search_logged_models([run.experiment_id], ours)
        found = [model for model in known if model.tags.get(MODEL) == tags[MODEL]]
        model = (
            found[0]
            if found
            else self._client.create_logged_model(
                run.experiment_id,
                "model",
                run.id,
                dict(tags),
                {mlflow_name(name): str(value) for name, value in trial.params.items()},
                "keras",
            )
        )
        if model.status != LoggedModelStatus.READY:
            upload = partial(self._client.log_model_artifacts, model.model_id)
            with self._folders.at(model.artifact_location, upload) as folder:
                write_mlflow_model(files / "model.keras", model.model_id, run.id, folder)
            outputs = None if run.is_new else self._client.get_run(run.id).outputs
            noted = [] if outputs is None else outputs.model_outputs
            if all(output.model_id != model.model_id for output in noted):  # else it is refused
                output = LoggedModelOutput(model.model_id, trial.best_epoch or 0)
                self._client.log_outputs(run.id, [output])
            self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        return model
