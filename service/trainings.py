"""The trainings of one trial, of each fold and repeat, and what they come to together."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import numpy as np

from kerasearch.models.datasets import Dataset
from kerasearch.models.datasets.arrays import Rows
from kerasearch.service.jobs import JobRequest
from kerasearch.service.seeds import trial_seed
from kerasearch.service.trials import Training


@dataclass(frozen=True)
class Turn:
    """One of a trial's trainings.

    Attributes:
        fold: From 0; None where the data isn't folded.
        seed: Of weights, shuffling and dropout.
    """

    fold: int | None
    seed: int
    train: Rows
    validation: Rows


def turns_of(dataset: Dataset, request: JobRequest, seed: int) -> list[Turn]:
    """A trial's trainings in their order; the folds are those of every trial of the job."""
    fractions = request.data.split
    split = dataset.split(fractions)
    parts: list[tuple[int | None, Rows, Rows]] = [(None, split.train, split.validation)]
    if fractions.folds is not None:
        pool = np.sort(np.concatenate([split.train, split.validation]))
        folds = dataset.folds(pool, fractions, fractions.folds)
        parts = [(fold, train, held_out) for fold, (train, held_out) in enumerate(folds)]
    seeds = [seed, *(trial_seed(seed, repeat) for repeat in range(1, request.budget.repeats))]
    return [Turn(fold, own, train, held_out) for own in seeds for fold, train, held_out in parts]


def mean_metrics(trainings: Sequence[Training]) -> dict[str, float]:
    """Each metric's mean over trainings that all have it, each at its best epoch."""
    told = [training.metrics for training in trainings]
    names = [name for name in told[0] if all(name in metrics for metrics in told)]
    return {name: fmean(metrics[name] for metrics in told) for name in names}


def total_epochs(trainings: Sequence[Training]) -> int:
    return sum(training.epochs for training in trainings)


def std_error(trainings: Sequence[Training]) -> float | None:
    """Of the mean of their values; None of a single one."""
    if len(trainings) < 2:
        return None
    return stdev(training.value for training in trainings) / sqrt(len(trainings))
