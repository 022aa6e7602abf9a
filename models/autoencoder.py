"""Autoencoders: a row is squeezed into a code, and the row made again from the code."""

from collections.abc import Callable

import keras
import numpy as np
from keras_tuner import HyperParameters

from kerasearch.models.code_penalties import ContractiveDense, KLDivergence
from kerasearch.models.codes import encoder_name
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.family import ModelFamily, one_of, whole
from kerasearch.models.pretraining import learn_to_repeat, outputs_of
from kerasearch.searchspaces.autoencoder import ACTIVATIONS, VARIANTS

VISIBLE = "visible"
"""The layer whose output is the row, scaled and flattened."""

PRETRAINING_BATCH = 64


class Autoencoder(ModelFamily):
    """Dense layers that narrow to a code and widen again.

        (n, ...) -> scaled, flattened -> [dense -> activation] x layers -> (n, code)
            -> the same widths backwards -> (n, ...) in real units

    Each inner layer is half as wide, on the way to the code, as the one before it.

        deep            nothing else: Hinton & Salakhutdinov, 2006
        sparse          codes are held near 0 by L1, or by their mean activity's divergence (KL)
                        from a small target: Ng, Sparse Autoencoder, CS294A, 2011
        denoising       the row is made from a noisy copy of itself: Vincent et al., 2008
        contractive     the squared Jacobian of every encoding layer is penalized: Rifai et al.,
                        2011, who stack such layers
        stacked         each layer first learns to reconstruct what it is given: Bengio et al., 2007
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        variant = one_of(hp, "variant", VARIANTS)
        inputs, x = self.scaled_input()
        if variant == "stacked":
            whole(hp, "pretraining_epochs")  # refused before anything is trained
        x = keras.layers.Flatten(name=VISIBLE)(x)
        visible = x.shape[-1]
        if variant == "denoising":
            x = keras.layers.GaussianNoise(hp["noise"])(x)
        widths = self._widths(hp)
        for layer, width in enumerate(widths, 1):
            encoding = self._encoding(hp, variant, is_code=layer == len(widths))
            x = encoding(width, encoder_name(layer, len(widths)))(x)
        for layer, width in reversed([*enumerate([visible, *widths[:-1]], 1)]):
            activation = None if layer == 1 else hp["activation"]
            x = keras.layers.Dense(width, activation, name=f"decoder_{layer}")(x)
        reconstructed = keras.layers.Reshape(self.data.input_shape)(x)
        return keras.Model(inputs, self.in_real_units(reconstructed))

    def _widths(self, hp: HyperParameters) -> list[int]:
        """Of the encoder's layers, the code's last."""
        code, layers = whole(hp, "code"), whole(hp, "layers")
        return [code * 2**doublings for doublings in reversed(range(layers))]

    def _encoding(
        self, hp: HyperParameters, variant: str, *, is_code: bool
    ) -> Callable[[int, str], keras.layers.Layer]:
        activation = one_of(hp, "activation", ACTIVATIONS)
        if variant == "contractive":
            return lambda width, name: ContractiveDense(
                width, activation, penalty=hp["contraction"], name=name
            )
        regularizer = None
        if variant == "sparse" and is_code:
            if one_of(hp, "sparsity", ("l1", "kl")) == "l1":
                regularizer = keras.regularizers.L1(hp["sparsity_weight"])
            else:
                regularizer = KLDivergence(hp["sparsity_weight"], hp["sparsity_target"])
        return lambda width, name: keras.layers.Dense(
            width, activation, activity_regularizer=regularizer, name=name
        )

    def prepare(self, model: keras.Model, hp: HyperParameters, x_train: Features) -> None:
        """Train a stacked autoencoder layer by layer, each to reconstruct what it is given."""
        if hp["variant"] != "stacked":
            return
        values = outputs_of(model, VISIBLE, x_train)
        layers = whole(hp, "layers")
        for layer in range(1, layers + 1):
            encoder = model.get_layer(encoder_name(layer, layers))
            decoder = model.get_layer(f"decoder_{layer}")
            values = _pretrain(encoder, decoder, values, whole(hp, "pretraining_epochs"))


def _pretrain(
    encoder: keras.layers.Dense, decoder: keras.layers.Dense, values: Features, epochs: int
) -> Features:
    """Teach both to reconstruct `values`; their codes."""
    inputs = keras.Input(values.shape[1:])
    codes = encoder(inputs)
    model = keras.Model(inputs, decoder(codes))
    model.compile(keras.optimizers.Adam(), loss="mse", jit_compile=False)
    learn_to_repeat(model, values, batch=PRETRAINING_BATCH, epochs=epochs)
    return np.asarray(keras.Model(inputs, codes).predict(values, verbose=0))
