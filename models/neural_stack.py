"""A recurrent controller that drives a differentiable stack, over sequences with a label a step."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
from keras import ops
from keras_tuner import HyperParameters

from kerasearch.models.family import ModelFamily, one_of, whole
from kerasearch.models.stack import pushed, read

Tensor: TypeAlias = Any  # keras ships no types

CONTROLLERS = {
    "simple_rnn": keras.layers.SimpleRNNCell,
    "gru": keras.layers.GRUCell,
    "lstm": keras.layers.LSTMCell,
}


class NeuralStack(ModelFamily):
    """A controller and its stack, as deep as there are steps, so that nothing is ever lost.

        (n, steps, channels) -> cell with stack -> (n, steps, units + width) -> head

    Grefenstette, Hermann, Suleyman & Blunsom, Learning to Transduce with Unbounded Memory, 2015.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        cell = StackCell(
            whole(hp, "units"),
            one_of(hp, "controller", CONTROLLERS),
            width=whole(hp, "width"),
            depth=self.data.input_shape[0],
        )
        every_step = self.data.task == "step_labelling"
        return self.head(inputs, keras.layers.RNN(cell, return_sequences=every_step)(x))


@keras.saving.register_keras_serializable("kerasearch")
class StackCell(keras.layers.Layer):  # type: ignore[misc]
    """One step: `(n, channels)` to what the controller says and reads, `(n, units + width)`.

        h = controller(x, what was read before)
        push = s(A h), pop = s(B h), value = tanh(C h)      s: the logistic function
        the stack takes pop off and, by push, value on; then it is read

    Args:
        units: Of the controller.
        controller: A key of `CONTROLLERS`.
        width: Of a value on the stack.
        depth: Values that the stack holds.
        **config: Of a Keras layer.
    """

    def __init__(self, units: int, controller: str, width: int, depth: int, **config: Any) -> None:
        super().__init__(**config)
        self.units, self.controller_name, self.width, self.depth = units, controller, width, depth
        self.controller = CONTROLLERS[controller](units)
        # Popping starts as the exception: what is popped too early teaches nothing.
        self.pop = keras.layers.Dense(
            1, "sigmoid", bias_initializer=keras.initializers.Constant(-1)
        )
        self.push = keras.layers.Dense(1, "sigmoid")
        self.value = keras.layers.Dense(width, "tanh")
        own = self.controller.state_size
        self._own_states = [own] if isinstance(own, int) else list(own)
        self.state_size = [*self._own_states, width, depth * width, depth]
        self.output_size = units + width

    def build(self, input_shape: Sequence[int]) -> None:
        self.controller.build((None, input_shape[-1] + self.width))
        for layer in (self.pop, self.push, self.value):
            layer.build((None, self.units))

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        *own, seen, values, strengths = states
        said, own = self.controller(
            ops.concatenate([inputs, seen], axis=-1), own, training=training
        )
        values, strengths = pushed(
            ops.reshape(values, (-1, self.depth, self.width)),
            strengths,
            self.value(said),
            self.push(said),
            self.pop(said),
        )
        seen = read(values, strengths)
        flat = ops.reshape(values, (-1, self.depth * self.width))
        return ops.concatenate([said, seen], axis=-1), [*own, seen, flat, strengths]

    def get_config(self) -> dict[str, Any]:
        own = {
            "units": self.units,
            "controller": self.controller_name,
            "width": self.width,
            "depth": self.depth,
        }
        return {**super().get_config(), **own}
