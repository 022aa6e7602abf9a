"""What the operator of a service decides, from the command line or `KERASEARCH_*`."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _sqlite_url(settings: dict[str, Any]) -> str:  # Any: pydantic's validated data
    return f"sqlite:///{quote(str(settings['data_dir'] / 'kerasearch.db'))}"


class Settings(BaseSettings):
    """Settings of one service; its children inherit them through the environment.

    Attributes:
        data_dir: Database, datasets, models and MLflow's store: all that a backup needs.
        database_url: The SQLite file in `data_dir` unless it is a PostgreSQL database.
        plugins_dir: Folder of the operator's own models and data; None: there are none.
        plugin_limit_s: A plugin that isn't read within this is disabled.
        workers: Slots, trial processes at most; 0 takes one a core, `auto` what `splitting` finds.
        mlflow_port: Of MLflow on loopback, behind the API; 0 takes a free one.
        upload_limit_mib: Largest body that is accepted.
        lease_s: A trial whose process shows no life for this long is run again.
        epoch_limit_s: A trial none of whose epochs ends for this long hangs: it is run again once.
            Its start and its end count too. Raise it where an honest epoch takes longer.
        checkpoint_s: A training leaves what another process can go on from, each time its epochs
            have taken this long.
        trials_per_process: A trial process is replaced after this many.
        growth_limit_mib: A trial process that has grown by more than this is replaced.
    """

    model_config = SettingsConfigDict(env_prefix="KERASEARCH_", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    data_dir: Path = Path("kerasearch-data")
    database_url: str = Field(default_factory=_sqlite_url, repr=False)
    plugins_dir: Path | None = None
    plugin_limit_s: Annotated[float, Field(gt=0)] = 60.0
    workers: Annotated[int, Field(ge=0, le=1024)] | Literal["auto"] = 0
    executor: Literal["local"] = "local"
    mlflow_port: Annotated[int, Field(ge=0, le=65535)] = 0
    upload_limit_mib: Annotated[int, Field(ge=1)] = 512
    lease_s: Annotated[float, Field(gt=0)] = 120.0
    epoch_limit_s: Annotated[float, Field(gt=0)] = 1800.0
    checkpoint_s: Annotated[float, Field(ge=0)] = 10.0
    trials_per_process: Annotated[int, Field(ge=1)] = 100
    growth_limit_mib: Annotated[int, Field(ge=1)] = 1024

    @field_validator("database_url")
    @classmethod
    def _psycopg(cls, url: str, info: ValidationInfo) -> str:
        """Our driver of PostgreSQL is psycopg, whether or not the address says so."""
        scheme, _, address = url.partition("://")
        if scheme in ("postgres", "postgresql", "postgresql+psycopg") and address:
            return f"postgresql+psycopg://{address}"
        if "data_dir" in info.data and url != _sqlite_url(info.data):
            raise ValueError(
                "must be postgresql://user:password@host/database; without it, the database is "
                "the file kerasearch.db in the data folder"
            )
        return url

    def to_environment(self) -> dict[str, str]:
        """The variables from which a child reads these same settings."""
        prefix = self.model_config["env_prefix"]
        said = self.model_dump(exclude_none=True)
        return {f"{prefix}{name}".upper(): str(value) for name, value in said.items()}

    @property
    def slots(self) -> int:
        chosen = 0 if self.workers == "auto" else self.workers
        return chosen or len(os.sched_getaffinity(0))

    @property
    def mlflow_url(self) -> str:
        """MLflow's own address on loopback, which only the proxy and the mirror know."""
        return f"http://127.0.0.1:{self.mlflow_port}/mlflow"

    @property
    def mlflow_artifacts(self) -> Path:
        """Where MLflow's server keeps artifacts."""
        return self.data_dir / "mlflow" / "artifacts"

    @property
    def run_dir(self) -> Path:
        """Signs of life of the parts; worthless after the service has ended."""
        return self.data_dir / "run"

    @property
    def datasets_dir(self) -> Path:
        return self.data_dir / "datasets"

    @property
    def recordings_dir(self) -> Path:
        """What was recorded of plugins, version by version."""
        return self.data_dir / "plugins"

    def job_dir(self, job_id: str) -> Path:
        return self.data_dir / "jobs" / job_id

    def artifacts_dir(self, job_id: str) -> Path:
        """A job's plots and tables."""
        return self.job_dir(job_id) / "artifacts"

    def attempt_dir(self, job_id: str, number: int, attempt: int) -> Path:
        """Files of one attempt of a trial: an attempt that lost its lease can't spoil the next."""
        return self.job_dir(job_id) / "trials" / str(number) / str(attempt)

    def checkpoints_dir(self, job_id: str) -> Path:
        return self.job_dir(job_id) / "checkpoints"

    def retraining_dir(self, job_id: str, retraining_id: str) -> Path:
        return self.job_dir(job_id) / "retrainings" / retraining_id
