"""Recurrent networks: a sequence is read step by step, its last state is classified."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.family import ModelFamily, one_of, whole

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "simple_rnn": keras.layers.SimpleRNN}


class Recurrent(ModelFamily):
    """Recurrent layers, and where `second_layer` is `two` a dense one, before the class scores.

        (n, steps, channels) -> cell -> [(n, steps, units) -> cell] -> (n, units)
            -> dropout -> [dense, relu -> (n, dense_units)] -> softmax -> (n, classes)

    `lstm`: Hochreiter & Schmidhuber, Long Short-Term Memory, 1997, with the forget gate of Gers,
    Schmidhuber & Cummins, 2000. `gru`: Cho et al., Learning Phrase Representations using RNN
    Encoder-Decoder, 2014. `simple_rnn`: Elman, Finding Structure in Time, 1990. Dropout: Srivastava
    et al., 2014.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        cell, units, layers = (
            CELLS[one_of(hp, "cell", CELLS)],
            whole(hp, "units"),
            whole(hp, "layers"),
        )
        for layer in range(1, layers + 1):
            x = cell(units, return_sequences=layer < layers)(x)
        x = keras.layers.Dropout(hp["dropout"])(x)
        if one_of(hp, "second_layer", ("one", "two")) == "two":
            x = keras.layers.Dense(whole(hp, "dense_units"), activation="relu")(x)
        return self.classifier(inputs, x)
