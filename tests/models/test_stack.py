"""The differentiable stack, by the published example."""

import numpy as np
import pytest
import tensorflow as tf

from kerasearch.models.stack import pushed, read

DEPTH = 3
V1, V2, V3 = np.eye(3)
STEPS = [(0.8, 0.0, V1), (0.5, 0.1, V2), (0.9, 0.9, V3)]
READS = [0.8 * V1, 0.5 * V2 + 0.5 * V1, 0.9 * V3 + 0.1 * V1]


def column(number: float) -> tf.Tensor:
    return tf.constant([[number]], tf.float64)


def empty() -> tuple[tf.Tensor, tf.Tensor]:
    return tf.zeros([1, DEPTH, 3], tf.float64), tf.zeros([1, DEPTH], tf.float64)


def test_it_reads_what_is_known() -> None:
    values, strengths = empty()
    for (push, pop, value), expected in zip(STEPS, READS, strict=True):
        values, strengths = pushed(
            values, strengths, tf.constant(value[None]), column(push), column(pop)
        )
        np.testing.assert_allclose(read(values, strengths)[0], expected, atol=1e-12)


def test_whole_pushes_and_pops_make_a_plain_stack() -> None:
    values, strengths = empty()
    seen = []
    for push, pop, value in [(1, 0, V1), (1, 0, V2), (0, 1, V3), (0, 1, V3), (0, 1, V3)]:
        values, strengths = pushed(
            values, strengths, tf.constant(value[None]), column(push), column(pop)
        )
        seen.append(read(values, strengths)[0].numpy().tolist())
    assert seen == [V1.tolist(), V2.tolist(), V1.tolist(), [0.0] * 3, [0.0] * 3]


def test_gradients_reach_what_was_pushed_first() -> None:
    values, strengths = empty()
    push = tf.Variable(column(0.3))
    with tf.GradientTape() as tape:
        values, strengths = pushed(values, strengths, tf.constant(V1[None]), push, column(0.0))
        values, strengths = pushed(
            values, strengths, tf.constant(V2[None]), column(0.4), column(0.1)
        )
        share = read(values, strengths)[0, 0]
    assert tape.gradient(share, push).numpy().item() == pytest.approx(1.0)
