"""Convolutional networks over sequences."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.convolution import convolved
from kerasearch.models.family import ModelFamily

POOLING = {"max": keras.layers.MaxPooling1D, "average": keras.layers.AveragePooling1D}


class Conv1D(ModelFamily):
    """Convolution blocks along the steps of a sequence, then the class scores.

        (n, steps, channels) -> convolution blocks -> (n, dense_units) -> softmax -> (n, classes)

    Waibel et al., Phoneme Recognition Using Time-Delay Neural Networks, 1989.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        return self.classifier(inputs, convolved(hp, x, keras.layers.Conv1D, POOLING))
