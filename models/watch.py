"""What is seen of a training between its epochs."""

import math
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.plan import TrainingPlan

OnEpoch = Callable[[int, dict[str, float]], bool]
"""Told of each epoch, from 1, with its metrics; False ends the training."""


class EpochWatch(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Records every epoch, keeps the best one's weights, and stops what makes no sense."""

    def __init__(self, plan: TrainingPlan, on_epoch: OnEpoch) -> None:
        super().__init__()
        self.curves: dict[str, list[float]] = {}
        self.best_epoch = 0
        self.best_weights: list[NDArray[np.float32]] = []
        self.stopped = False
        self._plan = plan
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        metrics = {name: float(value) for name, value in logs.items()}
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise InfeasibleError(
                    f"{name} became {value} in epoch {epoch + 1}; "
                    "a smaller learning_rate or clipnorm may keep it finite"
                )
            self.curves.setdefault(name, []).append(value)
        values = self.curves[self._plan.metric]
        best = max(values) if self._plan.direction == "maximize" else min(values)
        if values.index(best) == epoch:
            self.best_epoch = epoch + 1
            self.best_weights = self.model.get_weights()
        if not self._on_epoch(epoch + 1, metrics):
            self.stopped = self.model.stop_training = True


def early_stopping_of(plan: TrainingPlan) -> list[keras.callbacks.Callback]:
    if plan.early_stopping is None:
        return []
    rule = plan.early_stopping
    mode = "min" if rule.monitor.endswith("loss") else "max"
    return [keras.callbacks.EarlyStopping(rule.monitor, rule.min_delta, rule.patience, mode=mode)]
