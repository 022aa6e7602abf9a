"""Codes: what a model makes of a row on its way, or the cell of a map that the row falls on."""

import keras

from kerasearch.models.boltzmann import BoltzmannMachine
from kerasearch.models.som_cells import CELL, CellMap

CODES = "codes"
"""The layer whose output is the code, where a layer gives it."""


def encoder_name(layer: int, layers: int) -> str:
    """Of the layers that lead to the code, the first is 1."""
    return CODES if layer == layers else f"encoder_{layer}"


def encoder_of(model: keras.Model) -> keras.Model | None:
    """The part of a model that makes codes of raw rows, `(n, code)`; None where it makes none.

    A Boltzmann machine's code is its hidden units' probabilities, a map's the winning cell.
    """
    for layer in model.layers:
        if isinstance(layer, BoltzmannMachine):
            visible, *known = keras.tree.flatten(layer.input)
            for mask in known:
                visible = visible * mask
            return keras.Model(model.input, layer.hidden_probabilities(visible))
        if layer.name == CODES or isinstance(layer, CellMap):
            return keras.Model(model.input, layer.output)
    return None


def code_names(encoder: keras.Model) -> list[str]:
    """Of the numbers that an encoder gives."""
    if any(isinstance(layer, CellMap) for layer in encoder.layers):
        return [*CELL]
    return [f"code_{place}" for place in range(1, encoder.output_shape[-1] + 1)]
