"""The loops over epochs: compiled whole where that can be done, else Keras's own."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasearch.models.datasets.arrays import Features, Targets
from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.evaluation import PREDICTION_BATCH
from kerasearch.models.plan import Parts, Xla
from kerasearch.models.streams import batch_rows, reset_states
from kerasearch.models.twins import foreign_parts
from kerasearch.models.xla import XlaEpochs


@dataclass(frozen=True)
class Course:
    """What a model is taken through; `callbacks` act between epochs only, so any loop can do it.

    Attributes:
        begun: Epochs that were trained before: a callback brings the model to where they left it.
        weights: What each training row counts in the loss; None: all the same.
    """

    parts: Parts
    batch_size: int
    epochs: int
    seed: int
    callbacks: list[keras.callbacks.Callback]
    begun: int = 0
    xla: Xla = False
    weights: NDArray[np.float32] | None = None

    @property
    def trained_on(self) -> list[Features | Targets | NDArray[np.float32]]:
        """What each step takes some rows of."""
        weights = [] if self.weights is None else [self.weights]
        return [self.parts.x_train, self.parts.y_train, *weights]


def obstacle(
    sketch: keras.Model, programs: EpochPrograms, *, stateful: bool = False, streamed: bool = False
) -> str | None:
    """Why a model's epochs can't be compiled whole."""
    if streamed:
        return "streamed: each batch is made when its turn comes"
    if stateful:
        return "stateful: each batch goes on where the one before ended"
    if foreign := foreign_parts(sketch):
        return f"not Keras's own: {', '.join(foreign)}"
    if len(sketch.inputs) != 1 or len(sketch.outputs) != 1:
        return f"{len(sketch.inputs)} inputs and {len(sketch.outputs)} outputs"
    if not programs.have_room_for(sketch):
        return "too large to be in memory twice"
    return None


def run_epochs(model: keras.Model, course: Course, programs: EpochPrograms) -> str:
    """What `model.fit` does, in two calls an epoch; whether those were compiled for it."""
    parts = course.parts
    _, *targets = train = [tf.constant(part) for part in course.trained_on]
    program, is_kept = programs.for_model(model, *targets)
    twin = program.model
    validation = tf.constant(parts.x_validation), tf.constant(parts.y_validation)
    batch_size = tf.constant(course.batch_size)
    record = program.xla_record(course.batch_size, len(parts.y_train))
    xla = XlaEpochs(course.xla, record)
    program.load(model)
    for callback in course.callbacks:
        callback.set_model(twin)
        callback.on_train_begin()
    for epoch in range(course.begun, course.epochs):
        order = epoch_order(len(parts.y_train), course.seed, epoch)
        given = tf.constant(order), batch_size, *train
        logs = xla.run(
            epoch + 1,
            course.epochs,
            partial(program.train, *given),
            partial(program.train_by_xla, *given),
        )
        logs |= {f"val_{name}": value for name, value in program.validate(*validation).items()}
        for callback in course.callbacks:
            callback.on_epoch_end(epoch, logs)
        if twin.stop_training:
            break
    for callback in course.callbacks:
        callback.on_train_end()
    program.unload(model)
    reason = "kept from another trial" if is_kept else "a new architecture"
    return f"{reason}{xla.told}"


def epoch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """In which order an epoch, from 0, takes the rows."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def fit(model: keras.Model, course: Course) -> None:
    parts = course.parts
    fixed = batch_rows(model)
    order = _OrderOfEpoch(len(parts.y_train), None if fixed else course.seed)
    gather = [_gathering(part) for part in course.trained_on]
    train = (
        tf.data.Dataset.range(1)
        .flat_map(lambda _: tf.data.Dataset.from_tensor_slices(order.variable))
        .batch(course.batch_size)
        .map(lambda rows: tuple(part(rows) for part in gather))
        .apply(tf.data.experimental.assert_cardinality(-(-len(parts.x_train) // course.batch_size)))
    )
    x_validation, y_validation = _gathering(parts.x_validation), _gathering(parts.y_validation)
    validation = (
        tf.data.Dataset.range(len(parts.x_validation))
        .batch(fixed or PREDICTION_BATCH)
        .map(lambda rows: (x_validation(rows), y_validation(rows)))
    )
    model.fit(
        train,
        validation_data=validation,
        initial_epoch=course.begun,
        epochs=course.epochs,
        callbacks=[order, *course.callbacks],
        shuffle=False,  # the dataset does
        verbose=0,
    )


def _gathering(values: Features | Targets) -> Callable[[tf.Tensor], tf.Tensor]:
    """What gives the rows of these numbers, from memory or from where they are streamed."""
    if isinstance(values, np.ndarray):
        held = tf.constant(values)
        return lambda rows: tf.gather(held, rows)
    shape = [None, *values.shape[1:]]
    return lambda rows: tf.ensure_shape(
        tf.numpy_function(values.__getitem__, [rows], tf.float32), shape
    )


class _OrderOfEpoch(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Holds the order of the epoch that `model.fit` is in.

    Without a seed the rows stay as they are, and each epoch and validation begins without states.
    """

    def __init__(self, rows: int, seed: int | None) -> None:
        super().__init__()
        self.variable = tf.Variable(tf.range(rows), trainable=False)
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self._seed is None:
            reset_states(self.model)
        else:
            self.variable.assign(epoch_order(self.variable.shape[0], self._seed, epoch))

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        if self._seed is None:
            reset_states(self.model)
