"""Multilayer perceptrons: dense layers over the features in a row."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.family import ModelFamily, whole


class MLP(ModelFamily):
    """Dense layers, each of its own width, before the class scores.

        (n, ...) -> flatten -> (n, f) -> [dense -> batch norm -> activation -> dropout] x layers
            -> (n, units of the last) -> softmax -> (n, classes)

    Rumelhart, Hinton & Williams, Learning Representations by Back-propagating Errors, 1986. Batch
    normalization, before the activation as its authors do: Ioffe & Szegedy, 2015. Dropout:
    Srivastava et al., 2014.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        if len(self.data.input_shape) > 1:
            x = keras.layers.Flatten()(x)
        for layer in range(1, whole(hp, "layers") + 1):
            # The bias would be taken out again by the batch's mean.
            x = keras.layers.Dense(whole(hp, f"units_{layer}"), use_bias=not hp["batch_norm"])(x)
            if hp["batch_norm"]:
                x = keras.layers.BatchNormalization()(x)
            x = keras.layers.Activation(hp["activation"])(x)
            x = keras.layers.Dropout(hp["dropout"])(x)
        return self.classifier(inputs, x)
