"""Train one configuration of a model family, and keep its best epoch."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state  # see _set_seed

from kerasearch.models.checkpoints import Checkpoint, OfferCheckpoint
from kerasearch.models.class_weights import class_weights
from kerasearch.models.criteria import Criterion
from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.family import ModelFamily, hyperparameters
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.limits import keep_limits
from kerasearch.models.loops import Course, fit, obstacle, run_epochs
from kerasearch.models.optimizers import make_optimizer
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.refusals import refusals
from kerasearch.models.sketch import give_values, sketched
from kerasearch.models.vanishing import GradientWatch
from kerasearch.models.watch import EpochWatch, OnEpoch, Restore, early_stopping_of
from kerasearch.searchspaces.parameters import Params, Value
from kerasearch.searchspaces.training import DEFAULTS

PROGRAMS = EpochPrograms()
"""What this process has compiled, kept from trial to trial."""

TrainingPath = Literal["compiled epochs", "model.fit"]


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with its best epoch's weights.

    Attributes:
        best_epoch: From 1.
        curves: Metric to its value at each epoch: `loss`, `val_loss`, and those of the task; NaN
            where a plugin's `fit` didn't tell it.
        summary: Keras's table of layers.
        stopped: `on_epoch` ended what would have gone on.
        path: What ran the epochs; `model.fit` does where they can't be compiled whole.
        path_reason: Why that one.
        criterion: How it was compiled here; None: as it says itself.
        warnings: Sentences of what a person should know before trusting it.
        is_repeatable: `train` makes it again of its `last_checkpoint`.
    """

    model: keras.Model
    best_epoch: int
    curves: dict[str, list[float]]
    summary: str
    stopped: bool
    path: TrainingPath
    path_reason: str
    criterion: Criterion | None = None
    warnings: tuple[str, ...] = ()
    is_repeatable: bool = True

    @property
    def told(self) -> dict[str, Any]:
        """What can't be told of it again when it is made of its `last_checkpoint`; JSON."""
        return {name: getattr(self, name) for name in ("path", "path_reason", "warnings")}

    @property
    def last_checkpoint(self) -> Checkpoint:
        return Checkpoint(self.curves, self.best_epoch, self.model.get_weights(), state=[])

    @property
    def epochs(self) -> int:
        """How many were trained."""
        return max(map(len, self.curves.values()))

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric that was told at the best epoch."""
        at_best = {name: values[self.best_epoch - 1] for name, values in self.curves.items()}
        return {name: value for name, value in at_best.items() if not math.isnan(value)}


def train(
    family: ModelFamily,
    params: Mapping[str, Value],
    parts: Parts,
    plan: TrainingPlan,
    seed: int,
    on_epoch: OnEpoch,
    programs: EpochPrograms = PROGRAMS,
    *,
    offer: OfferCheckpoint = lambda make: None,
    start: Checkpoint | None = None,
) -> TrainedModel:
    """Train a model from fresh weights; the same arguments give the same result.

    Args:
        family: Made for the data of `parts`.
        params: The active parameters of the family's space and of training.
        parts: Raw rows; the model scales them itself.
        plan: How long, and which epoch is the best.
        seed: Of weights, shuffling and dropout.
        on_epoch: Called after each epoch.
        programs: What has been compiled so far; it changes the time this takes, nothing else.
        offer: Called after each epoch that others follow.
        start: Of an earlier training with these arguments, to go on from; nothing is trained
            where it had ended.

    Raises:
        InfeasibleError: No model can be built from `params`, it is too large or over the plan's
            limits, or its loss became NaN or infinite.
    """
    settings = {**DEFAULTS, "epochs": plan.epochs, **params}
    batch_size, epochs = count_of(settings, "batch_size"), count_of(settings, "epochs")
    with refusals("cannot build the model"), _precision(plan):
        tf.config.experimental.enable_op_determinism()
        _set_seed(seed)
        hp = hyperparameters(params)
        with sketched(family, hp) as sketch:
            model = sketch.model
            keep_limits(model, plan.limits, batch_size)
            why_not = obstacle(
                model,
                programs,
                stateful=family.data.streams is not None,
                streamed=not isinstance(parts.x_train, np.ndarray),
            )
            is_model = why_not is None and not sketch.lost_values
            if is_model:
                give_values()
        if not is_model:
            set_seed = _set_seed if why_not is None else keras.utils.set_random_seed
            set_seed(seed)
            model = family.build(hp)
        criterion = family.criterion(hp, _asked(plan))
        _compile(model, criterion, settings, math.ceil(len(parts.y_train) / batch_size))
        family.prepare(model, hp, parts.x_train)
    if start is not None and start.is_last:
        epochs = start.epoch
    path: TrainingPath
    gradients = GradientWatch(start.vanished if start else ())

    def offer_whole(make: Callable[[], Checkpoint]) -> None:
        offer(lambda: replace(make(), vanished=tuple(gradients.epochs)))

    watch = EpochWatch(plan, on_epoch, epochs, offer_whole, start)
    restoring = [Restore(start)] if start else []
    callbacks = [*restoring, gradients, *early_stopping_of(plan, start), watch]
    begun = 0 if start is None else start.epoch
    weights = None
    if plan.class_weight is not None:
        labels = np.asarray(parts.y_train)
        weights = class_weights(plan.class_weight, labels, family.data.class_names)[labels]
    course = Course(parts, batch_size, epochs, seed, callbacks, begun, plan.xla, weights)
    try:
        with _precision(plan):
            if why_not is None:
                path, reason = "compiled epochs", run_epochs(model, course, programs)
            else:
                path, reason = "model.fit", why_not
                fit(model, course)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise InfeasibleError(f"out of memory with batches of {batch_size} rows") from error
    model.set_weights(watch.best_weights)
    if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        # Of mixed precision; plain Keras loads the one in it.
        model.optimizer = model.optimizer.inner_optimizer
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return TrainedModel(
        model,
        watch.best_epoch,
        watch.curves,
        "\n".join(lines),
        watch.stopped,
        path,
        reason,
        criterion,
        gradients.warnings,
    )


def count_of(settings: Params, name: str) -> int:
    """A count of at least 1, also where the space gave it as 16.0."""
    value = settings[name]
    if not isinstance(value, int | float) or value != int(value) or value < 1:
        raise InfeasibleError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _set_seed(seed: int) -> None:
    """Of all that Keras's own layers draw from; to set TensorFlow's would throw kernels away."""
    random.seed(seed)
    np.random.seed(seed)
    global_state.set_global_attribute("global_seed_generator", None)


@contextmanager
def _precision(plan: TrainingPlan) -> Iterator[None]:
    """Layers that are made within compute in the plan's precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if plan.mixed_precision else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _asked(plan: TrainingPlan) -> list[str]:
    """Metrics that the job looks at."""
    monitored = [] if plan.early_stopping is None else [plan.early_stopping.monitor]
    return [plan.metric, *monitored]


def _compile(model: keras.Model, criterion: Criterion, settings: Params, steps: int) -> None:
    model.compile(
        optimizer=make_optimizer(settings),
        loss=criterion.loss,
        metrics=list(criterion.metrics),
        steps_per_execution=steps,  # the same numbers with less of Keras between the steps
    )
