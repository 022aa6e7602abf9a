"""Registers with Keras every layer, loss and metric of Kerasearch's own.

Files of families that have some load in plain Keras once this has been imported.
"""

from kerasearch.models import (
    boltzmann,
    code_penalties,
    collaborative_autoencoder,
    criteria,
    lstm_variants,
    neural_stack,
    rating_criteria,
    som,
    som_cells,
)

__all__ = [
    "boltzmann",
    "code_penalties",
    "collaborative_autoencoder",
    "criteria",
    "lstm_variants",
    "neural_stack",
    "rating_criteria",
    "som",
    "som_cells",
]
