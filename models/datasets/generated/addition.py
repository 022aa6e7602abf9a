"""Binary addition: a pair of bits a step, the lowest first; the sum's bit at each step.

The carry is nowhere to be seen: a network adds right only if it remembers it.
"""

import numpy as np

from kerasearch.models.datasets.arrays import Labels
from kerasearch.models.datasets.dataset import Dataset

BITS = 8


def add(pairs: int = 4_000, seed: int = 1950) -> Dataset:
    """Distinct pairs of numbers of 8 bits, x `(pairs, 9, 2)`, and their sums, y `(pairs, 9)`."""
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    drawn = rng.permutation(4**BITS)[:pairs]
    a, b = np.divmod(drawn, 2**BITS)
    x = np.stack([_bits(a), _bits(b)], axis=-1).astype(np.float32)
    return Dataset("sequence", x, _bits(a + b), ("0", "1"), ("a", "b"))


def _bits(numbers: Labels) -> Labels:
    """Shape `(n, 9)`: the ninth step takes the last carry."""
    return (numbers[:, None] >> np.arange(BITS + 1)) & 1
