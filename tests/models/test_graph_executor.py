"""Compiled functions are run by an executor that can run them to their end."""

import pytest
import tensorflow as tf

from kerasearch.models.graph_executor import IN_ORDER, Compiled

NUMBER = tf.TensorSpec([], tf.float32)


def looped(x: tf.Tensor) -> tf.Tensor:
    def body(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return i + 1, total + x

    return tf.while_loop(lambda i, _: i < 3, body, (tf.constant(0), tf.constant(0.0)))[1]


def branched_in_a_loop(x: tf.Tensor) -> tf.Tensor:
    def body(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inner = tf.cond(x > 1, lambda: x, lambda: tf.cond(x > 0, lambda: -x, lambda: 0.0))
        return i + 1, total + inner

    return tf.while_loop(lambda i, _: i < 3, body, (tf.constant(0), tf.constant(0.0)))[1]


def test_a_loop_runs_in_order() -> None:
    compiled = Compiled(looped, NUMBER, in_order=True)
    assert float(compiled(tf.constant(2.0))) == 6.0
    assert compiled._traced[1] == IN_ORDER


@pytest.mark.timeout(60)
def test_branches_which_would_wait_for_ever_in_order_do_not_run_so() -> None:
    compiled = Compiled(branched_in_a_loop, NUMBER, in_order=True)
    assert float(compiled(tf.constant(2.0))) == 6.0
    assert float(compiled(tf.constant(0.5))) == -1.5
    assert compiled._traced[1] is None


def test_both_executors_come_to_the_same() -> None:
    in_order, usual = (Compiled(looped, NUMBER, in_order=flag) for flag in (True, False))
    assert float(in_order(tf.constant(0.1))) == float(usual(tf.constant(0.1)))
    assert usual._traced[1] is None
