"""What is seen of a training between its epochs."""

import math
from collections.abc import Callable

import keras

from kerasearch.models.checkpoints import Checkpoint, OfferCheckpoint, state_of
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.plan import EarlyStopping, TrainingPlan
from kerasearch.models.tasks import direction_of

OnEpoch = Callable[[int, dict[str, float]], bool]
"""Told of each epoch, from 1, with its metrics; False ends the training."""


class EpochWatch(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Records every epoch, keeps the best one's weights, and stops what makes no sense.

    The last of the callbacks, so that it sees whether the others end the training.

    Args:
        epochs: At most; None where that isn't known.
        offer: Called after each epoch that others may follow.
        start: What an earlier training of the same model left; this one goes on from there.

    Attributes:
        stopped: `on_epoch` ended what would have gone on.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        on_epoch: OnEpoch,
        epochs: int | None = None,
        offer: OfferCheckpoint = lambda make: None,
        start: Checkpoint | None = None,
    ) -> None:
        super().__init__()
        begun = start or Checkpoint({}, best_epoch=0, best_weights=[], state=[])
        self.curves = {name: list(curve) for name, curve in begun.curves.items()}
        self.best_epoch, self.best_weights = begun.best_epoch, begun.best_weights
        self.stopped = False
        self._plan = plan
        self._most = epochs
        self._on_epoch = on_epoch
        self._offer = offer

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
        told = [value for value in values if not math.isnan(value)]  # a plugin's epochs may skip it
        best = max(told) if self._plan.direction == "maximize" else min(told)
        if values.index(best) == epoch:
            self.best_epoch = epoch + 1
            self.best_weights = self.model.get_weights()
        go_on = self._on_epoch(epoch + 1, metrics)
        if self.model.stop_training or epoch + 1 == self._most:
            return
        if not go_on:
            self.stopped = self.model.stop_training = True
        self._offer(self._checkpoint)

    def _checkpoint(self) -> Checkpoint:
        state = [keras.ops.convert_to_numpy(variable) for variable in state_of(self.model)]
        return Checkpoint(self.curves, self.best_epoch, self.best_weights, state)


class Restore(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Brings the model to where a checkpoint left it; the others, after it, see it there."""

    def __init__(self, start: Checkpoint) -> None:
        super().__init__()
        self._start = start

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.model.optimizer.build(self.model.trainable_variables)
        if self._start.is_last:
            return
        for variable, value in zip(state_of(self.model), self._start.state, strict=True):
            variable.assign(value)


class _EarlyStopping(keras.callbacks.EarlyStopping):  # type: ignore[misc]  # keras ships no types
    """Keras's, which goes on after these epochs as if it had seen them."""

    def __init__(self, rule: EarlyStopping, curves: dict[str, list[float]]) -> None:
        mode = {"minimize": "min", "maximize": "max"}[direction_of(rule.monitor)]
        super().__init__(rule.monitor, rule.min_delta, rule.patience, mode=mode)
        self._curves = curves

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin(logs)
        for epoch, value in enumerate(self._curves.get(self.monitor, [])):
            self.on_epoch_end(epoch, {self.monitor: value})


def early_stopping_of(
    plan: TrainingPlan, start: Checkpoint | None = None
) -> list[keras.callbacks.Callback]:
    if plan.early_stopping is None:
        return []
    return [_EarlyStopping(plan.early_stopping, start.curves if start else {})]
