"""Recurrent networks: a sequence is read step by step; its last state, or every one, is used."""

from collections.abc import Callable
from typing import Any

import keras
from keras_tuner import HyperParameters

from kerasearch.models.family import ModelFamily, one_of, or_before, whole
from kerasearch.models.lstm_variants import VARIANTS, LSTMVariantCell
from kerasearch.searchspaces.recurrent import INITIALIZERS

Layer = Callable[..., keras.layers.Layer]


def _variant(name: str) -> Layer:
    def layer(units: int, return_sequences: bool, stateful: bool, **cell: Any) -> keras.layers.RNN:
        cell = LSTMVariantCell(units, name, **cell)
        return keras.layers.RNN(cell, return_sequences=return_sequences, stateful=stateful)

    return layer


CELLS: dict[str, Layer] = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "simple_rnn": keras.layers.SimpleRNN,
    **{name: _variant(name) for name in VARIANTS},
}


class Recurrent(ModelFamily):
    """Recurrent layers, and where `second_layer` is `two` a dense one, before the end.

        (n, steps, channels) -> [cell, one way or both -> dropout] x layers
            -> (n, units) of the last step; for a label a step (n, steps, units) of all
            -> [dense, relu -> (n, dense_units)] -> head

    `lstm`: Hochreiter & Schmidhuber, Long Short-Term Memory, 1997, with the forget gate of Gers,
    Schmidhuber & Cummins, 2000. `gru`: Cho et al., Learning Phrase Representations using RNN
    Encoder-Decoder, 2014. `simple_rnn`: Elman, Finding Structure in Time, 1990. `lstm_*`: see
    `lstm_variants`. Both ways: Schuster & Paliwal, Bidirectional Recurrent Neural Networks, 1997.
    Dropout: Srivastava et al., 2014; of the recurrence: Gal & Ghahramani, 2016. Of data in streams,
    each batch goes on from the states in which the one before it ended.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        layers = whole(hp, "layers")
        for layer in range(1, layers + 1):
            x = self._layer(hp, every_step=layer < layers or self.data.task == "step_labelling")(x)
            x = keras.layers.Dropout(hp["dropout"])(x)
        if one_of(hp, "second_layer", ("one", "two")) == "two":
            x = keras.layers.Dense(whole(hp, "dense_units"), activation="relu")(x)
        return self.head(inputs, x)

    def _layer(self, hp: HyperParameters, *, every_step: bool) -> keras.layers.Layer:
        bidirectional = or_before(hp, "bidirectional", False)
        stateful = self.data.streams is not None
        if bidirectional and stateful:
            raise ValueError("bidirectional layers can't be stateful: nothing comes before the end")
        layer = CELLS[one_of(hp, "cell", CELLS)](
            whole(hp, "units"),
            return_sequences=every_step,
            stateful=stateful,
            recurrent_dropout=hp["recurrent_dropout"],
            recurrent_initializer=one_of(hp, "recurrent_initializer", INITIALIZERS),
        )
        return keras.layers.Bidirectional(layer) if bidirectional else layer
