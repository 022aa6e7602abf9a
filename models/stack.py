"""A stack that gradients go through: what is pushed, popped and read are shares between 0 and 1.

Grefenstette, Hermann, Suleyman & Blunsom, Learning to Transduce with Unbounded Memory, 2015.
"""

from typing import Any, TypeAlias

from keras import ops

Tensor: TypeAlias = Any  # keras ships no types


def pushed(
    values: Tensor, strengths: Tensor, value: Tensor, push: Tensor, pop: Tensor
) -> tuple[Tensor, Tensor]:
    """The stack after one step: `pop` of it is taken off, then `push` of `value` laid on top.

    Args:
        values: What lies on the stack, the top last, shape `(n, depth, width)`.
        strengths: How much of each, shape `(n, depth)`.
        value: Shape `(n, width)`.
        push: In [0, 1], shape `(n, 1)`.
        pop: In [0, 1], shape `(n, 1)`.

    Returns:
        Values `(n, depth, width)` and strengths `(n, depth)`. The lowest one is gone: a stack as
        deep as there are steps never loses anything that was pushed.
    """
    taken = ops.relu(pop - above(strengths))
    left = ops.relu(strengths - taken)
    values = ops.concatenate([values[:, 1:], value[:, None]], axis=1)
    return values, ops.concatenate([left[:, 1:], push], axis=1)


def read(values: Tensor, strengths: Tensor) -> Tensor:
    """The uppermost 1 of the stack, shape `(n, width)`: values, each by its share of that."""
    shares = ops.minimum(strengths, ops.relu(1 - above(strengths)))
    return ops.sum(shares[:, :, None] * values, axis=1)


def above(strengths: Tensor) -> Tensor:
    """How much lies above each place, shape `(n, depth)`."""
    return ops.sum(strengths, axis=1, keepdims=True) - ops.cumsum(strengths, axis=1)
