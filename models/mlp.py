"""Multilayer perceptrons: dense layers over the features in a row."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.family import ModelFamily, one_of, or_before, whole

PENALTIES = {"none": None, "l1": keras.regularizers.L1, "l2": keras.regularizers.L2}


class MLP(ModelFamily):
    """Dense layers, each of its own width, before the head.

        (n, ...) -> flatten -> (n, f) -> dropout
            -> [dense -> batch norm -> activation -> dropout] x layers
            -> (n, units of the last) -> head

    Rumelhart, Hinton & Williams, Learning Representations by Back-propagating Errors, 1986. Batch
    normalization, before the activation as its authors do: Ioffe & Szegedy, 2015. Dropout:
    Srivastava et al., 2014. L1 and L2 are penalties on the layers' weights, not their biases.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input(masked=False)
        if len(self.data.input_shape) > 1:
            x = keras.layers.Flatten()(x)
        if (rate := or_before(hp, "input_dropout", 0.0)) > 0:
            x = keras.layers.Dropout(rate)(x)
        for layer in range(1, whole(hp, "layers") + 1):
            x = keras.layers.Dense(
                whole(hp, f"units_{layer}"),
                use_bias=not hp["batch_norm"],  # the batch's mean would take it out again
                kernel_regularizer=_regularizer(hp),
            )(x)
            if hp["batch_norm"]:
                x = keras.layers.BatchNormalization()(x)
            x = keras.layers.Activation(hp["activation"])(x)
            x = keras.layers.Dropout(hp["dropout"])(x)
        return self.head(inputs, x)


def _regularizer(hp: HyperParameters) -> keras.regularizers.Regularizer | None:
    if or_before(hp, "regularization", "none") == "none":
        return None
    return PENALTIES[one_of(hp, "regularization", PENALTIES)](hp["penalty"])
