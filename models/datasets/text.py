"""Texts: characters one after the other, of which the next one is to be told at every step."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerasearch.models.datasets.arrays import Features, Labels, Rows
from kerasearch.models.datasets.dataset import Examples, Prepared
from kerasearch.models.datasets.padding import NO_LABEL
from kerasearch.models.datasets.timeline import CannotCut, Timeline, length_of
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.windows import TEXT_WINDOW

MAX_VOCABULARY = 500
"""Characters that a model knows; of a text with more, the most frequent."""


@dataclass(frozen=True)
class Text(Timeline):
    """`x` is the text's code points, `(characters,)`: single precision holds each exactly."""

    def prepared(self, train: Rows, task: TaskName, params: Params) -> "TextWindows":
        counts = Counter(characters_of(self.x[train]))
        known = sorted(char for char, _ in counts.most_common(MAX_VOCABULARY))
        window = length_of(params, "window", TEXT_WINDOW)
        return TextWindows(self, task, "".join(known), window)


@dataclass(frozen=True)
class TextWindows(Prepared):
    """A text cut into windows without overlap, a step's label the character after it.

    Attributes:
        vocabulary: The characters of the train part, in their order. Others are one symbol where
            they are read, and no label where they would have to be told.
    """

    vocabulary: str
    window: int

    def examples(self, rows: Rows) -> Examples:
        """Windows inside `rows`, which are without a gap; what is left at the end is left out.

        Raises:
            CannotCut: There is no such window.
        """
        count = (len(rows) - 1) // self.window
        if not count:
            raise CannotCut(
                f"{len(rows)} characters have no room for a window of {self.window} and the "
                "character after it: search shorter windows, or give more text"
            )
        codes = encode(characters_of(self.dataset.x[rows]), self.vocabulary)
        steps = count * self.window
        told = np.where(codes == len(self.vocabulary), NO_LABEL, codes)[1 : steps + 1]
        shape = (count, self.window)
        return Examples(codes[:steps].astype(np.float32).reshape(shape), told.reshape(shape))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(map(shown_character, self.vocabulary))

    @property
    def symbols(self) -> int:
        return len(self.vocabulary) + 1

    @property
    def unscaled(self) -> tuple[int, ...]:
        return tuple(range(self.window))

    @property
    def description(self) -> dict[str, object]:
        return {"kind": "text", "vocabulary": self.vocabulary, "window": self.window}


def code_points(text: str) -> Features:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.float32)


def characters_of(points: Features) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le")


def encode(text: str, vocabulary: str) -> Labels:
    """Each character's place in the vocabulary; its length, where it isn't there."""
    known = np.frombuffer(vocabulary.encode("utf-32-le"), "<u4")
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    places = np.searchsorted(known, points)
    found = known[np.minimum(places, len(known) - 1)] == points
    return np.where(found, places, len(known)).astype(np.int64)


def shown_character(char: str) -> str:
    """A character as a table names it: blanks and controls by what they are."""
    return char if char.isprintable() and not char.isspace() else repr(char)
