"""Train one configuration of a model family, and keep its best epoch."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state  # see _set_seed

from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.family import ModelFamily, hyperparameters
from kerasearch.models.infeasible import InfeasibleError, refusals
from kerasearch.models.loops import Course, fit, obstacle, run_epochs
from kerasearch.models.optimizers import make_optimizer
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.sketch import sketch
from kerasearch.models.watch import EpochWatch, OnEpoch, early_stopping_of
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
        curves: Metric to its value at each epoch: `loss`, `accuracy`, `val_loss`, `val_accuracy`.
        summary: Keras's table of layers.
        stopped: `on_epoch` ended it.
        path: What ran the epochs; `model.fit` does where they can't be compiled whole.
        path_reason: Why that one.
    """

    model: keras.Model
    best_epoch: int
    curves: dict[str, list[float]]
    summary: str
    stopped: bool
    path: TrainingPath
    path_reason: str

    @property
    def epochs(self) -> int:
        """How many were trained."""
        return len(self.curves["loss"])

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric at the best epoch."""
        return {name: values[self.best_epoch - 1] for name, values in self.curves.items()}


def train(
    family: ModelFamily,
    params: Mapping[str, Value],
    parts: Parts,
    plan: TrainingPlan,
    seed: int,
    on_epoch: OnEpoch,
    programs: EpochPrograms = PROGRAMS,
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

    Raises:
        InfeasibleError: No model can be built from `params`, it is too large, or its loss became
            NaN or infinite.
    """
    settings = {**DEFAULTS, "epochs": plan.epochs, **params}
    batch_size, epochs = _count(settings, "batch_size"), _count(settings, "epochs")
    with refusals("cannot build the model"):
        why_not = obstacle(sketch(family, params), programs)
        _set_seed(seed, of_tensorflow=why_not is not None)
        tf.config.experimental.enable_op_determinism()
        model = family.build(hyperparameters(params))
        _compile(model, settings, steps=math.ceil(len(parts.y_train) / batch_size))
    watch = EpochWatch(plan, on_epoch)
    path: TrainingPath
    course = Course(parts, batch_size, epochs, seed, [watch, *early_stopping_of(plan)])
    try:
        if why_not is None:
            path, reason = "compiled epochs", run_epochs(model, course, programs)
        else:
            path, reason = "model.fit", why_not
            fit(model, course)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise InfeasibleError(f"out of memory with batches of {batch_size} rows") from error
    model.set_weights(watch.best_weights)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return TrainedModel(
        model, watch.best_epoch, watch.curves, "\n".join(lines), watch.stopped, path, reason
    )


def _count(settings: Params, name: str) -> int:
    """A count of at least 1, also where the space gave it as 16.0."""
    value = settings[name]
    if not isinstance(value, int | float) or value != int(value) or value < 1:
        raise InfeasibleError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _set_seed(seed: int, *, of_tensorflow: bool) -> None:
    if of_tensorflow:
        keras.utils.set_random_seed(seed)
    else:
        # All that Keras's own layers draw from. TensorFlow's seed can't be set without throwing
        # kernels away.
        random.seed(seed)
        np.random.seed(seed)
        global_state.set_global_attribute("global_seed_generator", None)


def _compile(model: keras.Model, settings: Params, steps: int) -> None:
    model.compile(
        optimizer=make_optimizer(settings),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps,  # the same numbers with less of Keras between the steps
    )
