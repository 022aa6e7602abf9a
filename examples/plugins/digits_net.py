"""Handwritten digits by dense layers or by convolution, each with parameters of its own."""

import keras
import keras_tuner
import numpy as np
from sklearn.datasets import load_digits


class DigitsNet(keras_tuner.HyperModel):
    """Dense layers or convolutions over 8 x 8 pixels."""

    def build(self, hp):
        inputs = x = keras.Input((8, 8, 1))
        kind = hp.Choice("kind", ["dense", "convolution"])
        with hp.conditional_scope("kind", ["dense"]):
            if kind == "dense":
                x = keras.layers.Flatten()(x)
                for i in range(hp.Int("layers", 1, 3)):
                    units = hp.Int(f"units_{i}", 16, 128, step=16)
                    x = keras.layers.Dense(units, activation="relu")(x)
        with hp.conditional_scope("kind", ["convolution"]):
            if kind == "convolution":
                for filters in (hp.Choice("filters", [8, 16]), 32):
                    x = keras.layers.Conv2D(filters, 3, activation="relu")(x)
                x = keras.layers.GlobalAveragePooling2D()(x)
        if hp.Boolean("dropout"):
            x = keras.layers.Dropout(hp.Float("rate", 0.1, 0.5))(x)
        model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
        model.compile(
            keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64]), **kwargs)


def data():
    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    return x, digits.target
