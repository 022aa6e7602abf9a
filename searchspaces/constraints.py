"""Constraints between parameters: which configurations of a space are never tried."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Self

from kerasearch.searchspaces.comparisons import Test, read_test
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.searchspaces.values import Value

MAX_CONSTRAINTS = 100
DRAWS = 10_000  # none of which keeps the constraints: then they contradict the space
FEWEST_DRAWS = 1_000  # of many parameters and constraints: as many as a search would try
STEPS = 40_000  # values drawn and comparisons made, so that a refusal takes less than 100 ms


@dataclass(frozen=True)
class Constraint:
    """One comparison, such as `layers * units <= 256`, that params keep unless it is false.

    What these params leave undecided they keep, so a constraint on a parameter that isn't active
    never forbids anything.
    """

    text: str
    names: tuple[str, ...]
    test: Test

    def violated(self, params: Mapping[str, Value]) -> str | None:
        """Why params don't keep it; None if they do."""
        if self.test(params) is not False:
            return None
        values = ", ".join(f"{name} is {params[name]}" for name in self.names if name in params)
        return f"{self.text} must hold, and {values}"


@dataclass(frozen=True)
class Constraints:
    """All constraints of a job. Made by `parse`, which checks them."""

    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str], space: SearchSpace) -> Self:
        """The constraints that texts describe, on params of a space.

        Raises:
            InvalidInput: With a problem for each text that can't be meant, pointers being indices;
                or no draw from the space keeps them.
        """
        if len(texts) > MAX_CONSTRAINTS:
            detail = f"at most {MAX_CONSTRAINTS} constraints, not {len(texts)}"
            raise InvalidInput.at("", detail)
        constraints: list[Constraint] = []
        problems: list[Problem] = []
        for index, text in enumerate(texts):
            try:
                test, names = read_test(text.strip(), space.parameters)
                constraints.append(Constraint(text.strip(), names, test))
            except InvalidInput as error:
                problems += error.under(pointer_to(index)).problems
        if problems:
            raise InvalidInput(problems)
        parsed = cls(tuple(constraints))
        parsed._refuse_contradiction(space)
        return parsed

    def __bool__(self) -> bool:
        return bool(self.constraints)

    def violated(self, params: Mapping[str, Value]) -> str | None:
        """Why params don't keep the first constraint that they don't keep; None if they do."""
        sentences = (constraint.violated(params) for constraint in self.constraints)
        return next((sentence for sentence in sentences if sentence), None)

    def _refuse_contradiction(self, space: SearchSpace) -> None:
        named = self._named(space)
        steps = len(named.parameters) + len(self.constraints)
        draws = max(FEWEST_DRAWS, min(DRAWS, STEPS // max(1, steps)))
        rng = Random(0)  # noqa: S311 - the same answer every time
        broken: Counter[int] = Counter()
        for _ in range(draws):
            params = named.sample(rng)
            answers = [constraint.test(params) for constraint in self.constraints]
            if False not in answers:
                return
            broken.update(index for index, answer in enumerate(answers) if answer is False)
        [(index, times)] = broken.most_common(1)
        detail = (
            f"of {draws:,} random draws from the space none keeps all constraints, and {times:,} "
            "break this one: loosen it, or narrow the space"
        )
        raise InvalidInput.at(pointer_to(index), detail)

    def _named(self, space: SearchSpace) -> SearchSpace:
        """What decides whether params keep the constraints: the parameters named, and parents."""
        needed = {name for constraint in self.constraints for name in constraint.names}
        for name in reversed(tuple(space.parameters)):  # children first
            if name in needed:
                needed.update(space.parameters[name].when or ())
        return SearchSpace({n: p for n, p in space.parameters.items() if n in needed})
