"""Optuna's pruners at work: which of the running trials is to be ended."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    MedianPruner,
    PatientPruner,
    PercentilePruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from kerasearch.service.jobs import Job
from kerasearch.service.sampling.pruners import PickedPruner
from kerasearch.service.store.curves import EpochValue


def _patient(pruner: str, **options: Any) -> BasePruner:
    return PatientPruner(MedianPruner() if pruner == "median" else None, **options)


MAKE: dict[str, Callable[..., BasePruner]] = {
    "median": MedianPruner,
    "percentile": PercentilePruner,
    "patient": _patient,
    "threshold": ThresholdPruner,
    "wilcoxon": WilcoxonPruner,
}
"""The pruners that the scheduler asks; at rungs the trial processes decide themselves."""


class Pruning:
    """The pruner of one job and what it has seen; all of it is in the reports.

    Args:
        maximize: Whether more of the objective is better.
        trainings: Of a trial. Where it has several, each that has ended is a step; else an epoch.
    """

    def __init__(self, picked: PickedPruner, *, maximize: bool, trainings: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._pruner = MAKE[picked.name](**picked.options)
        self._name = picked.name
        self._best = max if maximize else min
        self._trainings = trainings
        self._complete = optuna.create_study(direction="maximize" if maximize else "minimize")
        self._running: dict[object, list[EpochValue]] = {}

    @classmethod
    def of(cls, job: Job) -> "Pruning | None":
        """None where nothing is pruned, or at rungs."""
        if not job.pruner.compares_running:
            return None
        maximize = job.request.directions[0] == "maximize"
        return cls(job.pruner, maximize=maximize, trainings=job.request.trainings)

    def keep_only(self, running: Iterable[object]) -> None:
        """Forget the attempts that run no more."""
        self._running = {key: self._running[key] for key in running if key in self._running}

    def last_epoch(self, key: object) -> int:
        """Of an attempt that runs, the last one that was taken in."""
        seen = self._running.get(key)
        return seen[-1].epoch if seen else 0

    def verdict(self, key: object, values: Iterable[EpochValue]) -> str | None:
        """Why an attempt is to end, from these further values and those before; None if it isn't.

        Args:
            key: Of the attempt.
            values: After `last_epoch`.
        """
        seen = self._running.setdefault(key, [])
        before = self._steps(seen)
        seen.extend(values)
        steps = self._steps(seen)
        if steps == before:
            return None
        trial = create_trial(state=OptunaState.RUNNING, intermediate_values=dict(steps))
        if not self._pruner.prune(self._complete, trial):
            return None
        last = max(steps)
        step = "epoch" if self._trainings == 1 else "training"
        return f"{self._name}: its objective was {steps[last]:.4g} at {step} {last}"

    def add_complete(self, values: Sequence[EpochValue]) -> None:
        """A trial that has completed is what others are compared with."""
        steps = self._steps(values, has_ended=True)
        if steps:
            value = self._value(steps)
            self._complete.add_trial(create_trial(value=value, intermediate_values=dict(steps)))

    def _value(self, steps: Mapping[int, float]) -> float:
        """Of a complete trial."""
        if self._trainings == 1:
            return self._best(steps.values())
        return fmean(steps.values()) if self._name == "wilcoxon" else steps[max(steps)]

    def _steps(
        self, values: Sequence[EpochValue], *, has_ended: bool = False
    ) -> Mapping[int, float]:
        """Optuna's intermediate values: steps are counted from 1."""
        if self._trainings == 1:
            return {value.epoch: value.value for value in values}
        by_training: dict[int, list[float]] = {}
        for value in values:
            by_training.setdefault(value.training, []).append(value.value)
        if by_training and not has_ended:
            del by_training[max(by_training)]  # it may go on
        each = [self._best(own) for own in by_training.values()]
        if self._name != "wilcoxon":  # which pairs trainings; others compare what stands so far
            each = [fmean(each[: index + 1]) for index in range(len(each))]
        return dict(enumerate(each, start=1))
