"""LSTM cells that Keras doesn't have: peepholes, coupled gates, and what Greff et al. left out.

Equations and names: Greff, Srivastava, Koutnik, Steunebrink & Schmidhuber, LSTM: A Search Space
Odyssey, 2017. Its vanilla LSTM is that of Gers & Schmidhuber, Recurrent Nets that Time and Count,
2000: with peepholes. Each of its variants differs from that one in one thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import ops

Tensor: TypeAlias = Any  # keras ships no types


@dataclass(frozen=True)
class Variant:
    """What a cell has.

    Attributes:
        gates: Those of input, forget and output that are computed; one that isn't is always open.
        coupled: The input gate is 1 minus the forget gate.
        peepholes: Gates see the cell's state.
        full_recurrence: Gates see what all gates were one step before.
        squashes_input: The candidate goes through the activation.
        squashes_output: So does the cell's state on its way out.
    """

    gates: str = "ifo"
    coupled: bool = False
    peepholes: bool = True
    full_recurrence: bool = False
    squashes_input: bool = True
    squashes_output: bool = True


VARIANTS = {
    "lstm_peephole": Variant(),
    "lstm_coupled": Variant(gates="fo", coupled=True, peepholes=False),
    "lstm_no_input_gate": Variant(gates="fo"),
    "lstm_no_forget_gate": Variant(gates="io"),
    "lstm_no_output_gate": Variant(gates="if"),
    "lstm_no_input_activation": Variant(squashes_input=False),
    "lstm_no_output_activation": Variant(squashes_output=False),
    "lstm_full_gate_recurrence": Variant(full_recurrence=True),
}


@keras.saving.register_keras_serializable("kerasearch")
class LSTMVariantCell(keras.layers.LSTMCell):  # type: ignore[misc]  # keras ships no types
    """One step of a variant: `(n, features)` and the states before to `(n, units)` and those after.

    With `s` the logistic function, `a` the activation, `*` elementwise:

        i = s(x W_i + h R_i + p_i * c + b_i)        f likewise, both of the state before
        c' = f * c + i * a(x W_g + h R_g + b_g)
        o = s(x W_o + h R_o + p_o * c' + b_o)       of the new state
        h' = o * a(c')

    A full recurrence adds `i V_i + f V_f + o V_o`, of the gates of the step before, to each gate.

    Args:
        units: Width of the output and of the cell's state.
        variant: A key of `VARIANTS`.
        **kwargs: Of `keras.layers.LSTMCell`.

    Attributes:
        kernel: `(features, units * parts)`; the parts are the gates there are, in the order i, f,
            o, then the candidate.
        recurrent_kernel: `(units, units * parts)`.
        bias: `(units * parts,)`; that of the forget gate starts at 1.
        peepholes: `(gates, units)`.
        gate_kernel: `(units * gates, units * gates)`, of a full recurrence.
    """

    def __init__(self, units: int, variant: str = "lstm_peephole", **kwargs: object) -> None:
        super().__init__(units, **kwargs)
        self.dropout_mask_count = None  # one mask for all gates
        self.variant = variant
        self.parts = VARIANTS[variant]
        self.state_size = [units] * (2 + len(self._remembered))

    @property
    def _remembered(self) -> str:
        """Gates that the next step sees."""
        return self.parts.gates if self.parts.full_recurrence else ""

    def build(self, input_shape: Sequence[int]) -> None:
        gates, units = len(self.parts.gates), self.units
        width = units * (gates + 1)
        self.kernel = self.add_weight(
            (input_shape[-1], width), self.kernel_initializer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (units, width), self.recurrent_initializer, name="recurrent_kernel"
        )
        self.bias = self.add_weight((width,), self._start_of_bias, name="bias")
        if self.parts.peepholes:
            self.peepholes = self.add_weight(
                (gates, units), self.kernel_initializer, name="peepholes"
            )
        if self.parts.full_recurrence:
            self.gate_kernel = self.add_weight(
                (units * gates, units * gates), self.recurrent_initializer, name="gate_kernel"
            )
        self.built = True

    def _start_of_bias(self, shape: Sequence[int], dtype: str) -> Tensor:
        starts = [float(part == "f") for part in self.parts.gates + "g"]
        return ops.repeat(ops.convert_to_tensor(starts, dtype), self.units)

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        h, c, *gates_before = states
        if training and 0 < self.dropout < 1:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and 0 < self.recurrent_dropout < 1:
            h = h * self.get_recurrent_dropout_mask(h)
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        parts = dict(
            zip(
                self.parts.gates + "g", ops.split(z, len(self.parts.gates) + 1, axis=1), strict=True
            )
        )
        if gates_before:
            seen = ops.matmul(ops.concatenate(gates_before, axis=1), self.gate_kernel)
            for gate, sees in zip(
                self.parts.gates, ops.split(seen, len(gates_before), axis=1), strict=True
            ):
                parts[gate] = parts[gate] + sees
        return self._step(parts, c)

    def _step(self, parts: dict[str, Tensor], c: Tensor) -> tuple[Tensor, list[Tensor]]:
        opened: dict[str, Tensor] = {}

        def gate(name: str, state: Tensor) -> Tensor:
            if name not in self.parts.gates:
                return ops.ones_like(c)
            z = parts[name]
            if self.parts.peepholes:
                z = z + self.peepholes[self.parts.gates.index(name)] * state
            opened[name] = self.recurrent_activation(z)
            return opened[name]

        forget = gate("f", c)
        admit = 1 - forget if self.parts.coupled else gate("i", c)
        candidate = self.activation(parts["g"]) if self.parts.squashes_input else parts["g"]
        new = forget * c + admit * candidate
        shown = self.activation(new) if self.parts.squashes_output else new
        h = gate("o", new) * shown
        return h, [h, new, *(opened[name] for name in self._remembered)]

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "variant": self.variant}
