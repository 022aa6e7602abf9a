"""Autoencoders that fill in a matrix of ratings, row by row."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
from keras import ops
from keras_tuner import HyperParameters

from kerasearch.models.codes import CODES
from kerasearch.models.family import ModelFamily, one_of, whole
from kerasearch.models.rating_criteria import known_of
from kerasearch.searchspaces.collaborative_autoencoder import ACTIVATIONS

Tensor: TypeAlias = Any  # keras ships no types

DAMPING = 3.0
"""Ratings of the mean that every row is taken to have beside its own."""


class CollaborativeAutoencoder(ModelFamily):
    """A row's known ratings are squeezed into a code, from which all its ratings are made.

        (n, columns), `UNKNOWN` where there is no rating -> scaled -> some hidden, like unknown ones
            -> less a baseline -> dense -> (n, code) -> dense, plus the baseline -> (n, columns)

    A row is a user or an item, its baseline what its mean and each column's make of it. In training
    it is made again from what isn't hidden; the loss is `alpha` times the squared errors of hidden
    ratings and `beta` times those of the others, over the known ratings, and L2 on the weights:
    Strub, Gaudel & Mary, Hybrid Recommender System based on Autoencoders, 2016.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, scaled = self.scaled_input()
        known = known_of(inputs)
        ratings = ops.where(ops.equal(known, 1.0), scaled, 0.0)
        # Dropout scales what it keeps, and only whether it is kept counts.
        kept = ops.cast(ops.greater(keras.layers.Dropout(hp["corruption"])(known), 0.0), "float32")
        x, baseline = Centred()(ratings, kept)
        activation = one_of(hp, "activation", ACTIVATIONS)
        penalty = keras.regularizers.L2(hp["l2"])
        code = keras.layers.Dense(
            whole(hp, "code"), activation, kernel_regularizer=penalty, name=CODES
        )(x)
        columns = self.data.input_shape[-1]
        decoder = keras.layers.Dense(columns, use_bias=False, kernel_regularizer=penalty)
        predicted = decoder(code) + baseline
        predicted = DenoisingLoss(hp["alpha"], hp["beta"])(predicted, ratings, known, kept)
        return keras.Model(inputs, self.in_real_units(predicted))


@keras.saving.register_keras_serializable("kerasearch")
class Centred(keras.layers.Layer):  # type: ignore[misc]
    """Rows less their baseline, and that baseline, both `(n, columns)`.

    The baseline is an offset of each column, which is learned, and the mean of what is left of the
    ratings that a row keeps: user and item biases, as a factorization has them. The mean is drawn
    to 0, the mean of all, by `DAMPING` ratings more of it. Rows are divided by the root of how many
    ratings they keep, else long ones would saturate the code. So Koren, Factorization Meets the
    Neighborhood, 2008, sums what a user has rated.

    Call arguments:
        ratings: Scaled, 0 where nothing is known.
        kept: 1 where a rating takes part, else 0.
    """

    def build(self, ratings_shape: Sequence[int], kept_shape: Sequence[int]) -> None:
        self.offsets = self.add_weight((ratings_shape[-1],), "zeros", name="offsets")

    def call(self, ratings: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        count = ops.sum(kept, axis=-1, keepdims=True)
        left = ratings - self.offsets
        mean = ops.sum(left * kept, axis=-1, keepdims=True) / (count + DAMPING)
        return (left - mean) * kept / ops.sqrt(ops.maximum(count, 1.0)), self.offsets + mean


@keras.saving.register_keras_serializable("kerasearch")
class DenoisingLoss(keras.layers.Layer):  # type: ignore[misc]
    """Gives `predicted` as it is; in training it weighs the errors.

    It adds what makes of `KnownError`, in which every known rating weighs 1, one in which hidden
    ones weigh `alpha` and the others `beta`.
    """

    def __init__(self, alpha: float, beta: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.beta = beta

    def call(
        self,
        predicted: Tensor,
        ratings: Tensor,
        known: Tensor,
        kept: Tensor,
        training: bool = False,
    ) -> Tensor:
        if training:
            weights = self.alpha * (known - kept) + self.beta * kept - known
            errors = ops.square(predicted - ratings)
            self.add_loss(ops.sum(weights * errors) / ops.maximum(ops.sum(known), 1.0))
        return predicted

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta}
