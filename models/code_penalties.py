"""What keeps an autoencoder's codes sparse or steady."""

import math
from typing import Any, TypeAlias

import keras
from keras import ops

Tensor: TypeAlias = Any  # keras ships no types

EPSILON = 1e-6


@keras.saving.register_keras_serializable("kerasearch")
class KLDivergence(keras.regularizers.Regularizer):  # type: ignore[misc]
    """`weight * sum(KL(target || mean activity))` over a batch's codes, each in (0, 1).

    Ng, Sparse Autoencoder, CS294A lecture notes, 2011. For logistic units.
    """

    def __init__(self, weight: float, target: float) -> None:
        self.weight = weight
        self.target = target

    def __call__(self, activity: Tensor) -> Tensor:
        mean = ops.clip(ops.mean(activity, axis=0), EPSILON, 1 - EPSILON)
        on = self.target * (math.log(self.target) - ops.log(mean))
        off = (1 - self.target) * (math.log(1 - self.target) - ops.log(1 - mean))
        # Keras divides an activity's penalty by the rows of the batch.
        rows = ops.cast(ops.shape(activity)[0], activity.dtype)
        return self.weight * ops.sum(on + off) * rows

    def get_config(self) -> dict[str, float]:
        return {"weight": self.weight, "target": self.target}


@keras.saving.register_keras_serializable("kerasearch")
class ContractiveDense(keras.layers.Dense):  # type: ignore[misc]
    """A dense layer that adds the loss `penalty * mean(|d output / d input|^2)` in training.

    Rifai, Vincent, Muller, Glorot & Bengio, Contractive Auto-Encoders, 2011. The squared norm of
    the Jacobian of one layer is `sum_j(a'(z_j)^2 * sum_i(W_ij^2))`.

    Args:
        units: Width.
        activation: `sigmoid`, `tanh` or `relu`, whose slope follows from the output.
        penalty: Weight of the loss.
        **kwargs: Of `keras.layers.Dense`.
    """

    def __init__(self, units: int, activation: str, penalty: float = 0.0, **kwargs: Any) -> None:
        super().__init__(units, activation, **kwargs)
        self.penalty = penalty

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        outputs = super().call(inputs, training=training)
        if training:
            slopes = SLOPES[keras.activations.serialize(self.activation)](outputs)
            norms = ops.sum(ops.square(self.kernel), axis=0)
            self.add_loss(self.penalty * ops.mean(ops.sum(ops.square(slopes) * norms, axis=-1)))
        return outputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "penalty": self.penalty}


SLOPES = {
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - ops.square(y),
    "relu": lambda y: ops.cast(y > 0, y.dtype),
}
"""Of an activation, by its output."""
