"""Parameters that no model can be trained with, and how they are told from our own mistakes."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf


class InfeasibleError(Exception):
    """No model can be trained with these parameters; the message is the reason, one sentence."""


@contextmanager
def refusals(what: str) -> Iterator[None]:
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
