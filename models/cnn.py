"""Convolutional networks over images, with augmentation that only training sees."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.convolution import convolved
from kerasearch.models.family import ModelFamily, one_of

POOLING = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


class CNN(ModelFamily):
    """Convolution blocks over an image, then the class scores.

        (n, height, width, channels) -> [augmentation] -> convolution blocks -> (n, dense_units)
            -> softmax -> (n, classes)

    LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998. The layers of the
    augmentation are Keras's own: they draw anew for each batch of a training, and do nothing when
    the model validates or predicts.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        if hp["augmentation"]:
            x = _augmented(hp, x)
        x = convolved(hp, x, keras.layers.Conv2D, POOLING)
        return self.classifier(inputs, x)


def _augmented(hp: HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
    """Each image flipped, rotated (fraction of a full turn), zoomed and sheared at random."""
    if one_of(hp, "flip", ("none", "horizontal")) == "horizontal":
        x = keras.layers.RandomFlip("horizontal")(x)
    x = keras.layers.RandomRotation(hp["rotation"])(x)
    x = keras.layers.RandomZoom(hp["zoom"])(x)
    # A range, not a number: Keras saves a number as a range that it then refuses to load. The layer
    # draws the direction besides.
    return keras.layers.RandomShear((0.0, hp["shear"]), (0.0, hp["shear"]))(x)
