"""Which of TensorFlow's two executors runs a compiled epoch: a matter of time, and of last bits."""

from contextlib import AbstractContextManager

import keras
import tensorflow as tf
from tensorflow.python.eager import context  # nothing public chooses the executor

IN_ORDER = "SINGLE_THREADED_EXECUTOR"
"""Runs op after op in the calling thread, where the usual one hands each to a pool of threads."""


def executor_for(model: keras.Model) -> str | None:
    """The faster one for a model's epochs; None is the usual.

    Small steps cost less than handing them on: in order, an epoch takes 15 to 40 % less of the
    processor for an MLP and 40 % less for an LSTM (benchmarks/training_loop.py). Loops stay
    functions there, in which TensorFlow doesn't fuse convolutions: they take 20 % more. And on a
    GPU the processor shouldn't wait for each op.
    """
    if tf.config.list_physical_devices("GPU"):
        return None
    convolves = any("conv" in type(layer).__name__.lower() for layer in _layers(model))
    return None if convolves else IN_ORDER


def run_by(executor: str | None) -> AbstractContextManager[None]:
    """What is called within runs by this executor."""
    scope: AbstractContextManager[None] = context.function_executor_type(executor)
    return scope


def _layers(model: keras.Model) -> list[keras.Layer]:
    return list(model._flatten_layers(include_self=False))
