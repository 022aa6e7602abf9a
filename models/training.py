"""Train one configuration of a model family, and keep its best epoch."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import psutil
import tensorflow as tf
from keras.src.backend.common import global_state  # nothing public does what _forget_models does
from numpy.typing import NDArray

from kerasearch.models.datasets.dataset import Features, Labels
from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.evaluation import PREDICTION_BATCH
from kerasearch.models.family import ModelFamily, hyperparameters
from kerasearch.models.twins import foreign_parts
from kerasearch.searchspaces.parameters import Params, Value
from kerasearch.searchspaces.training import DEFAULTS

BYTES_A_PARAMETER = 5 * 4
"""Single precision: a weight, its gradient, an optimizer's two moments, the best epoch's copy."""

PROGRAMS = EpochPrograms()
"""What this process has compiled, kept from trial to trial."""

OnEpoch = Callable[[int, dict[str, float]], bool]
"""Told of each epoch, from 1, with its metrics; False ends the training."""

TrainingPath = Literal["compiled epochs", "model.fit"]


class InfeasibleError(Exception):
    """No model can be trained with these parameters; the message is the reason, one sentence."""


@dataclass(frozen=True)
class EarlyStopping:
    """End a training after `patience` epochs that don't better `monitor` by over `min_delta`."""

    monitor: str = "val_loss"
    patience: int = 10
    min_delta: float = 0.0


@dataclass(frozen=True)
class TrainingPlan:
    """How long to train, and which epoch is the best.

    Attributes:
        epochs: At most; a parameter of that name goes before it.
        metric: What the best epoch is best in; the first one where several are.
    """

    epochs: int
    metric: str = "val_accuracy"
    direction: Literal["maximize", "minimize"] = "maximize"
    early_stopping: EarlyStopping | None = EarlyStopping()


@dataclass(frozen=True)
class Parts:
    """The rows to train on and those to choose the best epoch by."""

    x_train: Features
    y_train: Labels
    x_validation: Features
    y_validation: Labels


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
    with _refusals("cannot build the model"):
        obstacle = _obstacle(_sketch(family, params), programs)
        _set_seed(seed, of_tensorflow=obstacle is not None)
        tf.config.experimental.enable_op_determinism()
        model = family.build(hyperparameters(params))
        _compile(model, settings, steps=math.ceil(len(parts.y_train) / batch_size))
    watch = EpochWatch(plan, on_epoch)
    path: TrainingPath
    course = Course(parts, batch_size, epochs, seed, [watch, *_early_stopping(plan)])
    try:
        if obstacle is None:
            path, reason = "compiled epochs", _run_epochs(model, course, programs)
        else:
            path, reason = "model.fit", obstacle
            _fit(model, course)
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


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """Turn what Keras and TensorFlow raise for parameters that don't fit into InfeasibleError."""
    try:
        yield
    except (
        KeyError,  # of a parameter that these params don't hold
        ValueError,
        TypeError,
        OverflowError,
        MemoryError,
        tf.errors.InvalidArgumentError,
        tf.errors.ResourceExhaustedError,
    ) as error:
        first_line, *_ = [*str(error).strip().splitlines(), type(error).__name__]
        raise InfeasibleError(f"{what}: {first_line[:300]}") from error


def _sketch(family: ModelFamily, params: Mapping[str, Value]) -> keras.Model:
    """The model without values; refuses one that half of this machine's memory can't train."""
    # In this scope variables have a shape and never get values.
    try:
        with keras.StatelessScope(initialize_variables=False):
            sketch = family.build(hyperparameters(params))
    finally:
        _forget_models()
    limit = psutil.virtual_memory().total // 2 // BYTES_A_PARAMETER
    if (count := sketch.count_params()) > limit:
        raise InfeasibleError(
            f"a model of {count:,} weights is too large: this machine trains {limit:,} at most"
        )
    return sketch


def _forget_models() -> None:
    """Number layers from 1 again, and forget those variables that were left without values.

    So names don't tell how many models this process has built, and the next stateless scope makes
    no values. `keras.utils.clear_session` does that too, but then also collects garbage (0.3 s) and
    throws away the kernels of every program that is kept (0.3 s of CPU time at its next use).
    """
    global_state.set_global_attribute("object_name_uids", defaultdict(int))
    global_state.set_global_attribute("uninitialized_variables", [])


def _set_seed(seed: int, *, of_tensorflow: bool) -> None:
    if of_tensorflow:
        keras.utils.set_random_seed(seed)
    else:
        # All that Keras's own layers draw from. TensorFlow's seed can't be set without throwing
        # kernels away.
        random.seed(seed)
        np.random.seed(seed)
        global_state.set_global_attribute("global_seed_generator", None)


def make_optimizer(settings: Params) -> keras.optimizers.Optimizer:
    """The optimizer that training's parameters describe; null leaves one to Keras's own default."""
    names = ("learning_rate", "clipnorm", "weight_decay")
    config = {name: settings[name] for name in names if settings[name] is not None}
    return keras.optimizers.get({"class_name": settings["optimizer"], "config": config})


def _compile(model: keras.Model, settings: Params, steps: int) -> None:
    model.compile(
        optimizer=make_optimizer(settings),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps,  # the same numbers with less of Keras between the steps
    )


def _early_stopping(plan: TrainingPlan) -> list[keras.callbacks.Callback]:
    if plan.early_stopping is None:
        return []
    rule = plan.early_stopping
    mode = "min" if rule.monitor.endswith("loss") else "max"
    return [keras.callbacks.EarlyStopping(rule.monitor, rule.min_delta, rule.patience, mode=mode)]


@dataclass(frozen=True)
class Course:
    """What a model is taken through; `callbacks` act between epochs only, so any loop can do it."""

    parts: Parts
    batch_size: int
    epochs: int
    seed: int
    callbacks: list[keras.callbacks.Callback]


def _obstacle(sketch: keras.Model, programs: EpochPrograms) -> str | None:
    """Why a model's epochs can't be compiled whole."""
    if foreign := foreign_parts(sketch):
        return f"not Keras's own: {', '.join(foreign)}"
    if len(sketch.inputs) != 1 or len(sketch.outputs) != 1:
        return f"{len(sketch.inputs)} inputs and {len(sketch.outputs)} outputs"
    if not programs.have_room_for(sketch):
        return "too large to be in memory twice"
    return None


def _run_epochs(model: keras.Model, course: Course, programs: EpochPrograms) -> str:
    """What `model.fit` does, in two calls an epoch; whether those were compiled for it."""
    program, is_kept = programs.for_model(model)
    parts, twin = course.parts, program.model
    train = tf.constant(parts.x_train), tf.constant(parts.y_train)
    validation = tf.constant(parts.x_validation), tf.constant(parts.y_validation)
    batch_size = tf.constant(course.batch_size)
    orders = epoch_orders(len(parts.y_train), course.seed)
    program.load(model)
    for callback in course.callbacks:
        callback.set_model(twin)
        callback.on_train_begin()
    for epoch, order in zip(range(course.epochs), orders, strict=False):
        logs = program.train(*train, tf.constant(order), batch_size)
        logs |= {f"val_{name}": value for name, value in program.validate(*validation).items()}
        for callback in course.callbacks:
            callback.on_epoch_end(epoch, logs)
        if twin.stop_training:
            break
    for callback in course.callbacks:
        callback.on_train_end()
    program.unload(model)
    return "kept from another trial" if is_kept else "a new architecture"


def epoch_orders(rows: int, seed: int) -> Iterator[NDArray[np.int32]]:
    """In which order each epoch takes the rows, without end."""
    rng = np.random.default_rng(seed)
    while True:
        yield rng.permutation(rows).astype(np.int32)


def _fit(model: keras.Model, course: Course) -> None:
    parts = course.parts
    train = tf.data.Dataset.from_tensor_slices((parts.x_train, parts.y_train))
    validation = tf.data.Dataset.from_tensor_slices((parts.x_validation, parts.y_validation))
    model.fit(
        train.shuffle(len(parts.y_train), seed=course.seed).batch(course.batch_size),
        validation_data=validation.batch(PREDICTION_BATCH),
        epochs=course.epochs,
        callbacks=course.callbacks,
        shuffle=False,  # the datasets do
        verbose=0,
    )


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
