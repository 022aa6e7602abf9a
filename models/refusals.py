"""How parameters that no model can be trained with are told from our own mistakes."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from kerasearch.models.infeasible import InfeasibleError


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
