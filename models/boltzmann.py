"""A restricted Boltzmann machine as a layer, trained by contrastive divergence.

Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002, and A Practical
Guide to Training Restricted Boltzmann Machines, 2012.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

Tensor: TypeAlias = Any  # keras ships no types


@keras.saving.register_keras_serializable("kerasearch")
class BoltzmannMachine(keras.layers.Layer):  # type: ignore[misc]
    """Binary units, `(n, visible)` to their reconstruction `(n, visible)`, both in [0, 1].

        p(h | v) = s(v W + c)        p(v | h) = s(h W' + b)        s: the logistic function
        F(v) = -v b - sum(log(1 + exp(v W + c)))

    In training the layer adds the loss `mean(F(v) - F(v_k))`, with `v_k` what `k` steps of Gibbs
    sampling made of `v`, taken as given: its gradient is that of contrastive divergence. No other
    gradient goes through the layer, so that any optimizer and any loop train it.

    Call arguments:
        visible: Shape `(n, visible)`, in [0, 1].
        known: 1 where a unit is observed, else 0; the others take no part. None: all are.

    Attributes:
        kernel: `(visible, hidden)`.
        hidden_bias: `(hidden,)`, c.
        visible_bias: `(visible,)`, b.
    """

    def __init__(self, hidden: int, steps: int = 1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = hidden
        self.steps = steps
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.free_energy_mean = keras.metrics.Mean(name="free_energy")

    def build(self, input_shape: Sequence[int]) -> None:
        visible = input_shape[-1]
        small = keras.initializers.RandomNormal(stddev=0.01)  # Hinton 2012, section 8
        self.kernel = self.add_weight((visible, self.hidden), small, name="kernel")
        self.hidden_bias = self.add_weight((self.hidden,), "zeros", name="hidden_bias")
        self.visible_bias = self.add_weight((visible,), "zeros", name="visible_bias")

    def call(self, visible: Tensor, known: Tensor = None, training: bool = False) -> Tensor:
        visible = visible if known is None else visible * known
        energies = self.free_energy(visible)
        self.free_energy_mean.update_state(energies)
        if training:
            dreamt = ops.stop_gradient(self._gibbs(visible, known))
            self.add_loss(ops.mean(energies) - ops.mean(self.free_energy(dreamt)))
        return ops.stop_gradient(self.visible_probabilities(self.hidden_probabilities(visible)))

    def hidden_probabilities(self, visible: Tensor) -> Tensor:
        """p(h = 1 | v), shape `(n, hidden)`."""
        return ops.sigmoid(ops.matmul(visible, self.kernel) + self.hidden_bias)

    def visible_probabilities(self, hidden: Tensor) -> Tensor:
        """p(v = 1 | h), shape `(n, visible)`."""
        return ops.sigmoid(ops.matmul(hidden, ops.transpose(self.kernel)) + self.visible_bias)

    def free_energy(self, visible: Tensor) -> Tensor:
        """F(v), in nats, shape `(n,)`; what the machine finds likely has little of it."""
        inputs = ops.matmul(visible, self.kernel) + self.hidden_bias
        return -ops.matmul(visible, self.visible_bias) - ops.sum(ops.softplus(inputs), axis=-1)

    def _gibbs(self, visible: Tensor, known: Tensor) -> Tensor:
        """Hidden states are drawn, visible ones are probabilities: Hinton 2012, section 3."""
        for _ in range(self.steps):
            likely = self.hidden_probabilities(visible)
            draws = keras.random.uniform(
                ops.shape(likely), dtype=likely.dtype, seed=self.seed_generator
            )
            visible = self.visible_probabilities(ops.cast(draws < likely, likely.dtype))
            if known is not None:
                visible = visible * known
        return visible

    def get_config(self) -> dict[str, Any]:
        own = {"hidden": self.hidden, "steps": self.steps, "seed": self.seed}
        return {**super().get_config(), **own}
