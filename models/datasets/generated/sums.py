"""Sums in words: "twelve and seven are nineteen.", a text whose entropy is known.

A line tells nothing new but its two numbers: after "are" every character follows from them.
"""

import numpy as np

from kerasearch.models.datasets.text import Text, code_points

LARGEST = 20
_SMALL = [
    *("nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = {2: "twenty", 3: "thirty", 4: "forty"}


def sums(lines: int = 2_000, seed: int = 1948) -> Text:
    """Sums of two numbers up to `LARGEST`, every pair as likely as any other."""
    rng = np.random.RandomState(seed)  # its streams are frozen for good (NEP 19)
    pairs = rng.randint(LARGEST + 1, size=(lines, 2))
    text = "".join(f"{word(a)} and {word(b)} are {word(a + b)}.\n" for a, b in pairs.tolist())
    return Text("text", code_points(text), None)


def word(number: int) -> str:
    """A number below 50 in words."""
    if number < len(_SMALL):
        return _SMALL[number]
    tens, rest = divmod(number, 10)
    return _TENS[tens] if not rest else f"{_TENS[tens]}-{_SMALL[rest]}"
