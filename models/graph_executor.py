"""Functions compiled for whole epochs, and which of TensorFlow's executors runs each."""

from collections.abc import Callable
from functools import cached_property
from itertools import chain
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.eager import context  # nothing public chooses the executor

IN_ORDER = "SINGLE_THREADED_EXECUTOR"
"""Runs op after op in the calling thread; the usual one hands each to a pool of threads."""

WAITING = frozenset({"If", "StatelessIf", "Case", "StatelessCase", "PartitionedCall"})
"""Ops that wait for the pool of threads in which they already are, and for ever when it is full.

Loops don't, however deep (they were tried five deep, and branches once, with a pool of one).
"""


def suits_in_order(model: keras.Model) -> bool:
    """Whether a model's steps take less time in order.

    Small ops cost less than handing them on: 15 to 40 % less processor time for an MLP and for an
    LSTM of 10 units, and no waiting for threads (docs/findings.md). But loops stay functions
    there, in which TensorFlow fuses no convolutions: 20 to 30 % more. A GPU would be waited for.
    """
    if tf.config.get_visible_devices("GPU"):
        return False
    layers = model._flatten_layers(include_self=False)
    return not any("conv" in type(layer).__name__.lower() for layer in layers)


class Compiled:
    """A function of tensors, compiled at its first call."""

    def __init__(
        self, function: Callable[..., object], *signature: tf.TensorSpec, in_order: bool
    ) -> None:
        self._python = function
        self._signature = signature
        self._in_order = in_order

    def __call__(self, *tensors: tf.Tensor) -> Any:  # what the function gives
        function, executor = self._traced
        with context.function_executor_type(executor):
            return function(*tensors)

    @cached_property
    def _traced(self) -> tuple[Callable[..., Any], str | None]:
        """The executor counts while a function is traced: loops are other ops for the usual one."""
        if self._in_order:
            function = self._new()
            with context.function_executor_type(IN_ORDER):
                graph = function.get_concrete_function().graph.as_graph_def()
            nodes = chain(graph.node, *(each.node_def for each in graph.library.function))
            if WAITING.isdisjoint(node.op.removeprefix("Stateful") for node in nodes):
                return function, IN_ORDER
        return self._new(), None

    def _new(self) -> tf.types.experimental.PolymorphicFunction:
        # Without autograph: it would read source that holds no statement for it.
        return tf.function(self._python, input_signature=self._signature, autograph=False)
