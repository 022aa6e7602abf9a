"""What a sampler that goes by generations has come to, kept from one proposal to the next."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from optuna.trial import FrozenTrial

State = TypeVar("State")


class Generations(Generic[State]):
    """The state after each generation: a function of the trials alone.

    So keeping it only saves time. A trial that ended late, or is told of anew, changes its
    generation and those after it: these are gone through again.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Sequence[FrozenTrial], State]] = []

    def after(
        self,
        trials: Sequence[FrozenTrial],
        size: int,
        first: State,
        step: Callable[[State, Sequence[FrozenTrial]], State],
    ) -> State:
        """The state after all trials that fill a generation.

        Args:
            trials: In the order of their numbers.
            size: Of a generation; the same in every call.
            first: The state before the first generation; the same in every call.
            step: From a state, which it leaves as it is, to the one after a generation.
        """
        ends = range(size, len(trials) + 1, size)
        generations = [trials[end - size : end] for end in ends]
        same = 0
        for (kept, _), generation in zip(self._kept, generations, strict=False):
            if not all(map(_are_same, kept, generation)):
                break
            same += 1
        del self._kept[same:]
        for generation in generations[same:]:
            self._kept.append((generation, step(self._latest(first), generation)))
        return self._latest(first)

    def _latest(self, first: State) -> State:
        return self._kept[-1][1] if self._kept else first


def _are_same(one: FrozenTrial, other: FrozenTrial) -> bool:
    """By the params themselves: a forbidden proposal has the number of the trial to come."""
    return one is other or (one.params is other.params and one.values == other.values)
