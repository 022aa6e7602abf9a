"""The loops over epochs: compiled whole where that can be done, else Keras's own."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.evaluation import PREDICTION_BATCH
from kerasearch.models.plan import Parts
from kerasearch.models.twins import foreign_parts


@dataclass(frozen=True)
class Course:
    """What a model is taken through; `callbacks` act between epochs only, so any loop can do it."""

    parts: Parts
    batch_size: int
    epochs: int
    seed: int
    callbacks: list[keras.callbacks.Callback]


def obstacle(sketch: keras.Model, programs: EpochPrograms) -> str | None:
    """Why a model's epochs can't be compiled whole."""
    if foreign := foreign_parts(sketch):
        return f"not Keras's own: {', '.join(foreign)}"
    if len(sketch.inputs) != 1 or len(sketch.outputs) != 1:
        return f"{len(sketch.inputs)} inputs and {len(sketch.outputs)} outputs"
    if not programs.have_room_for(sketch):
        return "too large to be in memory twice"
    return None


def run_epochs(model: keras.Model, course: Course, programs: EpochPrograms) -> str:
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


def fit(model: keras.Model, course: Course) -> None:
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
