"""Convolutional networks over sequences."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.convolution import convolved
from kerasearch.models.family import ModelFamily

POOLING = {"max": keras.layers.MaxPooling1D, "average": keras.layers.AveragePooling1D}


class Conv1D(ModelFamily):
    """Convolution blocks along the steps of a sequence, then the head.

        (n, steps, channels) -> convolution blocks -> (n, dense_units) -> head
        for a label a step                         -> (n, steps, dense_units) -> head

    A step's label is told from the steps on both sides of it. Waibel et al., Phoneme Recognition
    Using Time-Delay Neural Networks, 1989.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input(masked=False)
        every_step = self.data.task == "step_labelling"
        x = convolved(hp, x, keras.layers.Conv1D, POOLING, every_step=every_step)
        return self.head(inputs, x)
