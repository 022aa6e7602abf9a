"""Restricted Boltzmann machines over rows of numbers between 0 and 1."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.boltzmann import BoltzmannMachine
from kerasearch.models.family import ModelFamily, whole
from kerasearch.models.rating_criteria import known_of


class RBM(ModelFamily):
    """One machine of binary units; reconstructs a row from what its hidden units make of it.

        (n, ...) -> scaled to [0, 1], flattened -> machine -> (n, visible) -> (n, ...)

    Values beyond those of the training rows are cut off at 0 and 1. Ratings that aren't known take
    no part, and those to be told are read off the reconstruction: Salakhutdinov, Mnih & Hinton,
    Restricted Boltzmann Machines for Collaborative Filtering, 2007. See `boltzmann` for more.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        visible = keras.layers.ReLU(max_value=1.0)(keras.layers.Flatten()(x))
        known = known_of(inputs) if self.data.task == "rating_prediction" else None
        machine = BoltzmannMachine(whole(hp, "hidden"), whole(hp, "gibbs_steps"))
        reconstructed = keras.layers.Reshape(self.data.input_shape)(machine(visible, known))
        return keras.Model(inputs, self.in_real_units(reconstructed))
