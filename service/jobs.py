"""The job: what a person asks for, and what the service says of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kerasearch.service.trials import LAST_NUMBER, BestTrial, TrialState

METRICS = {"val_accuracy": "maximize", "val_loss": "minimize"}
"""Metrics of a classification that a search may optimize, and which way is better."""

SAMPLERS = {"optuna": ("tpe", "random"), "hyperopt": ("tpe", "random", "anneal")}
"""Engine to its samplers, the default first."""

Count = Annotated[int, Field(ge=1, le=LAST_NUMBER, strict=True)]  # strict: a boolean is no number
Seed = Annotated[int, Field(ge=0, le=LAST_NUMBER, strict=True)]
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
Seconds = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitRequest(_Part):
    """Fractions of the rows; what is neither validation nor test is train."""

    validation: Fraction = 0.2
    test: Fraction = 0.2
    stratify: Flag = True
    seed: Seed = 0


class DataRequest(_Part):
    """Which data, and what to make of it.

    Attributes:
        dataset: Name of a built-in dataset, or name or id of an uploaded one.
        target: Tabular data: the column to predict; None means what the dataset declares.
        drop: Columns that are no features.
        scale: Fitted on train alone, kept inside the model.
    """

    dataset: Annotated[str, Field(min_length=1)]
    target: str | None = None
    drop: tuple[str, ...] = ()
    split: SplitRequest = SplitRequest()
    scale: Literal["minmax", "standard", "none"] = "standard"


class Objective(_Part):
    metric: str = "val_accuracy"
    direction: Literal["maximize", "minimize"] | None = None


class SearchRequest(_Part):
    engine: Literal["optuna", "hyperopt"] = "optuna"
    sampler: str = "tpe"
    pruner: Literal["none"] = "none"
    seed: Seed = 0


class Limits(_Part):
    """What ends the search, and may be changed at any time; the first one reached does.

    Where one is reached, no trial is begun any more, and those that run finish.

    Attributes:
        time_s: That the job has been running.
        target: Objective value that is good enough.
        epochs_total: Of all trials together.
        failures: Trials without a value, one after the other, that fail the job.
        trial_time_s: Of one trial: it ends with the epoch that it is in then, and its best epoch
            counts; by force where that takes more than as long again and a minute.
    """

    trials: Annotated[Count, Field(le=100_000)] = 20
    time_s: Seconds | None = None
    target: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    epochs_total: Count | None = None
    failures: Count = 10
    trial_time_s: Seconds | None = None


class Budget(Limits):
    """The limits, and the epochs of a trial, at most: what makes trials comparable stays."""

    epochs: Annotated[Count, Field(le=100_000)] = 50


class EarlyStopping(_Part):
    monitor: Literal["val_loss", "val_accuracy", "loss", "accuracy"] = "val_loss"
    patience: Count = 10
    min_delta: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.0


class TrainingRequest(_Part):
    early_stopping: EarlyStopping | None = EarlyStopping()


class Concurrency(_Part):
    """At most this many trials and repeats at once; None: every slot."""

    parallel: Count | None = None


class Resources(Concurrency):
    """And GPUs for each."""

    gpus: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0


def _printable(name: str) -> str:
    if name.strip() != name or not name.isprintable():
        raise ValueError(f"a name is printable and has no blanks around it, not {name!r}")
    return name


class JobRequest(_Part):
    """A search job as it is posted.

    Attributes:
        space: In any accepted form until it is understood.
        priority: The higher goes first; jobs of the same share the slots.
    """

    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)] | None = (
        None
    )
    model: Annotated[str, Field(min_length=1)]
    data: DataRequest
    space: dict[str, object] = {}
    objective: Objective = Objective()
    search: SearchRequest = SearchRequest()
    budget: Budget = Budget()
    training: TrainingRequest = TrainingRequest()
    resources: Resources = Resources()
    priority: Annotated[int, Field(ge=-1000, le=1000, strict=True)] = 0


class JobChange(_Part):
    """What may be changed of a job later; what isn't said stays."""

    budget: Limits = Limits()
    resources: Concurrency = Concurrency()

    def of(self, request: JobRequest) -> JobRequest:
        """The request with this change."""
        parts = {"budget": request.budget, "resources": request.resources}
        said = self.model_dump(exclude_unset=True)
        changed = {name: parts[name].model_copy(update=said[name]) for name in said}
        return request.model_copy(update=changed)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


class Progress(BaseModel):
    """How far a job is.

    Attributes:
        done: Trials that ended.
        total: Trials of the budget, and those enqueued beyond it.
        elapsed_s: That the job has been running.
        eta_s: Time left at the pace so far; None before the first trial ended.
    """

    model_config = ConfigDict(frozen=True)

    done: int
    total: int
    elapsed_s: float
    eta_s: float | None


class Job(BaseModel):
    """A search job.

    Attributes:
        request: As understood: defaults filled in, the space canonical.
        reason: Why it is in this state, when that isn't plain.
        trials: Count of trials in each state.
        mlflow_url: The job's run in MLflow; None until the mirror has made it.
        mlflow_trials_url: The table of its trials' runs there, the best on top.
        test_read_at: When a retraining first read the sealed test part.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    state: JobState
    reason: str | None = None
    request: JobRequest
    dataset_id: str
    trials: dict[TrialState, int]
    best: BestTrial | None = None
    progress: Progress
    mlflow_url: str | None = None
    mlflow_trials_url: str | None = None
    test_read_at: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
