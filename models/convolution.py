"""Convolution blocks and the dense head after them, whatever the number of dimensions."""

from collections.abc import Callable

import keras
from keras_tuner import HyperParameters

from kerasearch.models.family import one_of, whole

Layer = Callable[..., keras.layers.Layer]


def convolved(
    hp: HyperParameters,
    x: keras.KerasTensor,
    convolution: Layer,
    pooling: dict[str, Layer],
    *,
    every_step: bool = False,
) -> keras.KerasTensor:
    """`x` through `blocks` convolution blocks and a dense layer.

        (n, ..., channels) -> [conv -> batch norm -> relu -> pool by 2] x blocks
            -> flatten -> dense, relu -> dropout -> (n, dense_units)

    Filters double from block to block, as in Simonyan & Zisserman, Very Deep Convolutional Networks
    for Large-Scale Image Recognition, 2015.

    Args:
        hp: blocks, filters, kernel_size, pooling, batch_norm, dense_units, dropout.
        x: The scaled input.
        convolution: Keras's layer of the right number of dimensions.
        pooling: What the values of `pooling` mean.
        every_step: Keep the steps: pool without leaving any out, and don't flatten.
    """
    pool = pooling[one_of(hp, "pooling", pooling)]
    for block in range(whole(hp, "blocks")):
        # The bias would be taken out again by the batch's mean.
        x = convolution(
            whole(hp, "filters") * 2**block,
            whole(hp, "kernel_size"),
            padding="same",
            use_bias=not hp["batch_norm"],
        )(x)
        if hp["batch_norm"]:
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
        x = pool(2, strides=1 if every_step else 2, padding="same")(x)
    if not every_step:
        x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(whole(hp, "dense_units"), activation="relu")(x)
    return keras.layers.Dropout(hp["dropout"])(x)
