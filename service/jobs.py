"""The job: what a person asks for, and what the service says of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.tasks import Direction, TaskName
from kerasearch.searchspaces.parameters import PlainValue
from kerasearch.service.sampling.options import OPTIONS
from kerasearch.service.sampling.pruners import PickedPruner
from kerasearch.service.trials import LAST_NUMBER, BestTrial, TrialState

SAMPLERS = {engine: tuple(samplers) for engine, samplers in OPTIONS.items()}
"""Engine to its samplers, the default first."""

Count = Annotated[int, Field(ge=1, le=LAST_NUMBER, strict=True)]  # strict: a boolean is no number
Seed = Annotated[int, Field(ge=0, le=LAST_NUMBER, strict=True)]
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
Seconds = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitRequest(_Part):
    """Fractions of the rows; what is neither validation nor test is train.

    Attributes:
        folds: So many trainings a trial: each validates on another part of what isn't test. Then
            `validation` is for retrainings alone.
    """

    validation: Fraction = 0.2
    test: Fraction = 0.2
    stratify: Flag = True
    seed: Seed = 0
    folds: Annotated[int, Field(ge=2, le=100, strict=True)] | None = None


class DataRequest(DataChoice):
    """Which data, and what to make of it.

    Attributes:
        dataset: Name of a built-in dataset, or name or id of an uploaded one.
        scale: Fitted on train alone, kept inside the model.
    """

    dataset: Annotated[str, Field(min_length=1)]
    split: SplitRequest = SplitRequest()
    scale: Literal["minmax", "standard", "none"] = "standard"

    @property
    def trained_for(self) -> TaskName:
        """The task of a request as understood; one of before there were tasks is classification."""
        return self.task or "classification"


class Objective(_Part):
    metric: str = "val_accuracy"
    direction: Direction | None = None


def _how_many(objective: object) -> str:
    return "(several)" if isinstance(objective, list | tuple) else "(one)"


Objectives = Annotated[
    Annotated[Objective, Tag("(one)")]
    | Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4), Tag("(several)")],
    Discriminator(_how_many),
]
"""One objective, or a list of them; the tags are left out of pointers (`UNION_TAGS`)."""


class SearchRequest(_Part):
    """Which sampler and pruner, and what they know from the start.

    Attributes:
        sampler: A name of `SAMPLERS`; `auto` picks one, and the job says which and why.
        options: Of the sampler, as its model in `OPTIONS` has them.
        start_from: Params that are tried first, in this order.
        warm_start: Ids of earlier jobs whose trials the sampler learns from.
        pruner: A name of `PRUNERS`; `auto` picks one, and the job says which and why.
        pruner_options: As the pruner's model in `PRUNERS` has them.
    """

    engine: Literal["optuna", "hyperopt"] = "optuna"
    sampler: str = "auto"
    options: dict[str, object] = {}
    start_from: Annotated[tuple[dict[str, PlainValue], ...], Field(max_length=1000)] = ()
    warm_start: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    pruner: str = "auto"
    pruner_options: dict[str, object] = {}
    seed: Seed = 0


class Plateau(_Part):
    """So many trials, one after the other, that don't better the best by more than `min_delta`."""

    trials: Count
    min_delta: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.0


def _as_plateau(given: object) -> object:
    return {"trials": given} if type(given) is int else given  # a boolean is no number


class Limits(_Part):
    """What ends the search, and may be changed at any time; the first one reached does.

    Where one is reached, no trial is begun any more, and those that run finish.

    Attributes:
        time_s: That the job has been running.
        target: Objective value that is good enough.
        plateau: The search betters no more; a plain count is one of trials.
        epochs_total: Of all trials together.
        failures: Trials without a value, one after the other, that fail the job.
        trial_time_s: Of one trial: it ends with the epoch that it is in then, and its best epoch
            counts; by force where that takes more than as long again and a minute.
    """

    trials: Annotated[Count, Field(le=100_000)] = 20
    time_s: Seconds | None = None
    target: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    plateau: Annotated[Plateau, BeforeValidator(_as_plateau)] | None = None
    epochs_total: Count | None = None
    failures: Count = 10
    trial_time_s: Seconds | None = None


class Budget(Limits):
    """The limits, and what makes trials comparable, which stays.

    Attributes:
        epochs: Of a training, at most.
        repeats: Trainings a trial (of each fold), each with a seed of its own.
    """

    epochs: Annotated[Count, Field(le=100_000)] = 50
    repeats: Annotated[Count, Field(le=100)] = 1


class ModelLimits(_Part):
    """The most that a trial's model may cost, or the trial is infeasible; `models/cost.py` counts.

    Attributes:
        flops: Of one example's forward pass.
        memory_mib: Of a training, by formula.
    """

    parameters: Annotated[int, Field(ge=1, strict=True)] | None = None
    flops: Annotated[int, Field(ge=1, strict=True)] | None = None
    memory_mib: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] | None = None


class EarlyStopping(_Part):
    monitor: str = "val_loss"
    patience: Count = 10
    min_delta: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.0


Weight = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
ClassWeight = Annotated[
    Annotated[Literal["balanced"], Tag("(one)")] | Annotated[dict[str, Weight], Tag("(several)")],
    Discriminator(lambda given: "(several)" if isinstance(given, dict) else "(one)"),
]
"""Balanced, or a number a class; tagged as `Objectives` is."""


class TrainingRequest(_Part):
    """How a trial is trained.

    Attributes:
        mixed_precision: In half precision where that does no harm: faster on GPUs that can.
        xla: Epochs compiled by XLA: slow to begin and faster then; `auto`: where that pays, by the
            clock, so that rounding is no longer the same each time.
        class_weight: What a class's rows count in the loss, by its name; `balanced`: the more the
            rarer it is.
    """

    early_stopping: EarlyStopping | None = EarlyStopping()
    mixed_precision: Flag = False
    xla: Literal["auto", True, False] = False
    class_weight: ClassWeight | None = None


class Concurrency(_Part):
    """At most this many trials and repeats at once; None: every slot."""

    parallel: Count | None = None


class Resources(Concurrency):
    """And what each of them gets.

    Attributes:
        gpus: Share of a GPU; None until understood: all of one, where there are any.
    """

    gpus: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] | None = None


def _printable(name: str) -> str:
    if name.strip() != name or not name.isprintable():
        raise ValueError(f"a name is printable and has no blanks around it, not {name!r}")
    return name


class JobRequest(_Part):
    """A search job as it is posted.

    Attributes:
        space: In any accepted form until it is understood.
        constraints: Comparisons that the params of every trial keep: `layers * units <= 256`.
        priority: The higher goes first; jobs of the same share the slots.
    """

    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)] | None = (
        None
    )
    model: Annotated[str, Field(min_length=1)]
    data: DataRequest
    space: dict[str, object] = {}
    constraints: tuple[str, ...] = ()
    limits: ModelLimits = ModelLimits()
    objective: Objectives = Objective()
    search: SearchRequest = SearchRequest()
    budget: Budget = Budget()
    training: TrainingRequest = TrainingRequest()
    resources: Resources = Resources()
    priority: Annotated[int, Field(ge=-1000, le=1000, strict=True)] = 0

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Each objective, the first one first."""
        return (self.objective,) if isinstance(self.objective, Objective) else self.objective

    @property
    def trainings(self) -> int:
        """Of one trial."""
        return (self.data.split.folds or 1) * self.budget.repeats

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Of the objectives of a request as understood."""
        return tuple(objective.direction or "maximize" for objective in self.objectives)


class JobChange(_Part):
    """What may be changed of a job later; what isn't said stays."""

    budget: Limits = Limits()
    resources: Concurrency = Concurrency()

    def of(self, request: JobRequest) -> JobRequest:
        """The request with this change."""
        parts = {"budget": request.budget, "resources": request.resources}
        said = {name: getattr(self, name) for name in self.model_fields_set}
        changed = {
            name: parts[name].model_copy(
                update={field: getattr(part, field) for field in part.model_fields_set}
            )
            for name, part in said.items()
        }
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


class PickedSampler(BaseModel):
    """The sampler that a job searches with, and why it is this one."""

    model_config = ConfigDict(frozen=True)

    name: str
    why: str


class WarmStart(BaseModel):
    """What a search knows from the trials of earlier jobs.

    Attributes:
        taken: Trials that the sampler learns from.
        left: Why others aren't among them, and how many.
    """

    model_config = ConfigDict(frozen=True)

    taken: int
    left: dict[str, int]


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
        sampler: What searches, where the request says `auto`; it may change with the budget.
        pruner: What prunes; it stays.
        reason: Why it is in this state, when that isn't plain.
        trials: Count of trials in each state.
        best: The best trial so far, of one objective.
        pareto: Of several objectives: numbers of the trials that none other is better than in all.
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
    sampler: PickedSampler
    pruner: PickedPruner = PickedPruner()
    warm_start: WarmStart | None = None
    dataset_id: str
    trials: dict[TrialState, int]
    best: BestTrial | None = None
    pareto: tuple[int, ...] = ()
    progress: Progress
    mlflow_url: str | None = None
    mlflow_trials_url: str | None = None
    test_read_at: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
