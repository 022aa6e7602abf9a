"""Data that is one row of steps: its parts follow each other in time, and nothing is shuffled."""

from dataclasses import dataclass

import numpy as np

from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.split import Split, SplitFractions, part_size
from kerasearch.searchspaces.parameters import Params


class CannotCut(ValueError):  # noqa: N818 - the reason why a trial is infeasible
    """These params can't cut a part into windows; the message says why."""


@dataclass(frozen=True)
class Timeline(Dataset):
    """Steps in order, along the first axis of `x`; the rows of a split are steps.

    The first steps train, those after them validate, the last ones test.
    """

    def split(self, fractions: SplitFractions) -> Split:
        steps = np.arange(len(self))
        pool, test = _cut(steps, part_size(len(self), fractions.test))
        return Split(*self.resplit(pool, fractions, fractions.seed), test)

    def resplit(self, pool: Rows, fractions: SplitFractions, seed: int) -> tuple[Rows, Rows]:
        """The same whatever the seed: what validates is what comes last."""
        return _cut(pool, part_size(len(self), fractions.validation))

    def folds(self, pool: Rows, fractions: SplitFractions, count: int) -> list[tuple[Rows, Rows]]:
        """Each fold validates on the block of steps after those that it trains on."""
        blocks = np.array_split(pool, count + 1)
        return [(np.concatenate(blocks[:i]), blocks[i]) for i in range(1, count + 1)]


def _cut(steps: Rows, last: int) -> tuple[Rows, Rows]:
    if last >= len(steps):
        raise ValueError(f"{len(steps)} steps can't give {last} and keep one: ask for less")
    return steps[:-last], steps[-last:]


def length_of(params: Params, name: str, default: int) -> int:
    """A count of at least 1, also where the space gave it as 60.0.

    Raises:
        CannotCut: It is none.
    """
    value = params.get(name, default)
    if not isinstance(value, int | float) or value != int(value) or value < 1:
        raise CannotCut(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)
