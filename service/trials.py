"""Trials and retrainings as HTTP shows them and the database keeps them."""

from collections.abc import Hashable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kerasearch.searchspaces.parameters import PlainValue
from kerasearch.searchspaces.values import Value, identity, shown

Params = dict[str, Value]

LAST_NUMBER = 2**31 - 1  # of a trial, and of whatever else a database keeps as an integer


def identity_of(params: Params) -> Hashable:
    """What makes params the same, in whatever order."""
    return frozenset((name, identity(value)) for name, value in params.items())


class TrialState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (TrialState.QUEUED, TrialState.RUNNING)


class Attempt(BaseModel):
    """One run of a trial in one process."""

    model_config = ConfigDict(frozen=True)

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None
    device: str | None
    pid: int | None


class Training(BaseModel):
    """One of several trainings of a trial: of a fold, with a seed.

    Attributes:
        fold: From 0; None where the data isn't folded.
        value: The objective at its best epoch.
        best_epoch: Of its own, from 1.
        epochs: That it took.
        metrics: Every metric at its best epoch.
    """

    model_config = ConfigDict(frozen=True)

    fold: int | None
    seed: int
    value: float
    best_epoch: int
    epochs: int
    metrics: dict[str, float]


class Trial(BaseModel):
    """One evaluation of one set of parameters.

    Attributes:
        params: Active parameters only, real values, never indices.
        value: The objective at the best epoch; of several trainings, their mean.
        std_error: Of that mean.
        trainings: Of a trial of several; curves are one after the other, and `best_epoch` is in
            the best one's, whose model is kept.
        values: The objective at each epoch, first epoch first.
        curves: The same for every metric.
        metrics: Every metric at the best epoch.
        best_epoch: From 1.
        seed: Of weights, shuffling and dropout.
        attempts: Every run of it, the last one last.
        device: `cpu`, or the GPU's name and number.
        path: What ran its epochs: `compiled epochs` or `model.fit`, and why that.
        memory_mib: Of the device, at its peak.
        warnings: Sentences that a person should read, of a trial that went through.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    state: TrialState
    params: Params
    value: float | None = None
    std_error: float | None = None
    trainings: list[Training] = []
    values: list[float | None] = []
    curves: dict[str, list[float | None]] = {}
    metrics: dict[str, float] = {}
    best_epoch: int | None = None
    seed: int
    duration_s: float | None = None
    attempts: list[Attempt] = []
    reason: str | None = None
    run_id: str | None = None
    device: str | None = None
    path: str | None = None
    path_reason: str | None = None
    memory_mib: float | None = None
    warnings: list[str] = []
    model_sha256: str | None = None

    @property
    def epoch_of_its_training(self) -> int | None:
        """The best epoch, counted from the start of the training that it is in."""
        epoch = self.best_epoch
        for training in self.trainings:
            if epoch is None or epoch <= training.epochs:
                break
            epoch -= training.epochs
        return epoch


class BestTrial(BaseModel):
    """The best trial so far, and the digest of its model file; None where that was lost."""

    model_config = ConfigDict(frozen=True)

    number: int
    params: Params
    value: float
    metrics: dict[str, float]
    best_epoch: int
    run_id: str | None
    model_sha256: str | None


class ParetoSet(BaseModel):
    """The trials of several objectives that no other trial is better than in all of them."""

    items: list[BestTrial]


class TrialRequest(BaseModel):
    """A trial of a person's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    params: dict[str, PlainValue]


def _number_or_best(trial: object) -> object:
    if (type(trial) is int and 0 <= trial <= LAST_NUMBER) or trial == "best":  # a bool is no number
        return trial
    raise ValueError(f"must be a trial's number or 'best', not {shown(trial)}")


class RetrainingRequest(BaseModel):
    """N fresh trainings of one set of params, judged on the sealed test part.

    Attributes:
        trial: Whose params to take: a number, or the best so far.
        params: Params of your own, inside the job's space, in place of a trial's.
        patience: Epochs without improvement of what early stopping monitors before a repeat stops.
        seed: Repeat `i` (from 0) draws its split, weights and batches from `seed + i`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: Annotated[int | Literal["best"], BeforeValidator(_number_or_best)] = "best"
    params: dict[str, PlainValue] | None = None
    repeats: Annotated[int, Field(ge=1, le=1000, strict=True)] = 10
    epochs: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 500
    patience: Annotated[int, Field(ge=1, le=LAST_NUMBER, strict=True)] = 100
    seed: Annotated[int, Field(ge=0, le=2**31 - 1000, strict=True)] = 0


class Repeat(BaseModel):
    """One fresh training of a retraining."""

    model_config = ConfigDict(frozen=True)

    number: int
    state: TrialState
    seed: int
    best_epoch: int | None = None
    epochs_done: int = 0
    metrics: dict[str, float] = {}
    reason: str | None = None


class Retraining(BaseModel):
    """A retraining and how far it is; `report` is there once every repeat has ended."""

    model_config = ConfigDict(frozen=True)

    id: str
    job_id: str
    state: Literal["running", "completed", "failed", "cancelled"]
    reason: str | None = None
    request: RetrainingRequest
    params: Params
    repeats: list[Repeat]
    artifacts: list[str] = []
    report: dict[str, object] | None = None
    created_at: datetime
    ended_at: datetime | None = None
