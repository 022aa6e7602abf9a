"""Sequence reversal: read symbols, then, once the end was seen, say them backwards."""

import numpy as np

from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.padding import NO_LABEL, PADDING

SYMBOLS = 8


def reversals(count: int = 2_000, shortest: int = 2, longest: int = 8, seed: int = 2015) -> Dataset:
    """Sequences of `shortest` to `longest` symbols, each length as often as any other.

    Returns:
        x: `(count, 2 * longest + 1, SYMBOLS + 2)`: one-hot symbols, then the mark of the end, then
            blanks while the answer is given; steps after that are padding.
        y: `(count, 2 * longest + 1)`: the symbols backwards under the blanks, no label elsewhere.
    """
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    steps = 2 * longest + 1
    lengths = rng.permutation(np.arange(count) % (longest - shortest + 1) + shortest)
    symbols = rng.randint(SYMBOLS, size=(count, longest))
    end, blank = SYMBOLS, SYMBOLS + 1
    x = np.full((count, steps, SYMBOLS + 2), PADDING, np.float32)
    y = np.full((count, steps), NO_LABEL, np.int64)
    for row, length in enumerate(lengths):
        said = symbols[row, :length]
        shown = np.concatenate([said, [end], np.full(length, blank)])
        x[row, : len(shown)] = np.eye(SYMBOLS + 2)[shown]
        y[row, length + 1 : len(shown)] = said[::-1]
    names = tuple("abcdefgh"[:SYMBOLS])
    return Dataset("sequence", x, y, names, (*names, "end", "blank"))
