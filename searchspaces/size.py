"""How many distinct configurations a space has."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from kerasearch.searchspaces.parameters import Choice, Parameter, identity

MAX_STATES = 2_000

Waiting = frozenset[tuple[str, frozenset[str]]]
"""Parameters that aren't decided yet, each with those of its parents that aren't either."""


class TooEntangled(ValueError):  # noqa: N818 - a statement about the space
    """So many conditions cross that counting would take exponential time."""


def count_configurations(
    parameters: Mapping[str, Parameter], infinite_as: int | None = None
) -> int | None:
    """Distinct configurations, None for infinitely many.

    A parameter without undecided parents is decided by case: values that activate the same children
    are one case. What remains falls apart into independent parts, whose counts multiply and are
    remembered. So conditions that form a forest are counted in linear time, chains of parents in
    polynomial time; the general problem is #SAT.

    Args:
        parameters: Parents before children; parents are choices and ints.
        infinite_as: What a parameter of infinitely many values counts.

    Raises:
        TooEntangled: More than `MAX_STATES` different parts came up.
    """
    cases = {name: [*_cases(name, parameters, infinite_as)] for name in parameters}
    rank = {name: index for index, name in enumerate(parameters)}
    counted: dict[Waiting, int | None] = {}

    def count(part: Waiting) -> int | None:
        if part in counted:
            return counted[part]
        if len(counted) >= MAX_STATES:
            raise TooEntangled(
                "too many conditions cross each other for the configurations to be counted; "
                "make fewer parameters depend on several parents"
            )
        needed = Counter(parent for _, parents in part for parent in parents)
        decided = max(
            (name for name, parents in part if not parents),
            key=lambda name: (needed[name], -rank[name]),
        )
        total: int | None = 0
        for number, activated in cases[decided]:
            product = number
            for rest in _independent_parts(_decide(part, decided, activated, rank)):
                product = _times(product, count(rest))
            total = None if total is None or product is None else total + product
        counted[part] = total
        return total

    whole = frozenset((name, frozenset(p.when or ())) for name, p in parameters.items())
    size: int | None = 1
    for part in _independent_parts(whole):
        size = _times(size, count(part))
    return size


def _times(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one * other


def _cases(
    name: str, parameters: Mapping[str, Parameter], infinite_as: int | None
) -> Iterator[tuple[int | None, frozenset[str]]]:
    """How many values of a parameter activate which of its children, as far as it has a say."""
    parameter = parameters[name]
    accepted = {
        child: {identity(value) for value in p.when[name]}
        for child, p in parameters.items()
        if p.when and name in p.when
    }
    if not accepted:
        yield parameter.count() or infinite_as, frozenset()
        return
    mentioned = (
        {identity(value) for value in parameter.values}
        if isinstance(parameter, Choice)
        else set().union(*accepted.values())
    )
    cases = Counter(
        frozenset(child for child, values in accepted.items() if value in values)
        for value in mentioned
    )
    if others := (parameter.count() or 0) - len(mentioned):
        cases[frozenset()] += others
    for activated, number in cases.items():
        yield number, activated


def _decide(
    part: Waiting, decided: str, activated: frozenset[str], rank: Mapping[str, int]
) -> Waiting:
    """What still waits once a parameter has a value that activates these children."""
    inactive: set[str] = set()
    waiting = []
    for name, parents in sorted(part, key=lambda item: rank[item[0]]):
        if parents & inactive or (decided in parents and name not in activated):
            inactive.add(name)
        elif name != decided:
            waiting.append((name, parents - {decided}))
    return frozenset(waiting)


def _independent_parts(waiting: Waiting) -> Iterable[Waiting]:
    parts: list[tuple[set[str], set[tuple[str, frozenset[str]]]]] = []
    for name, parents in waiting:
        names, items = {name, *parents}, {(name, parents)}
        apart = []
        for other_names, other_items in parts:
            if names & other_names:
                names |= other_names
                items |= other_items
            else:
                apart.append((other_names, other_items))
        parts = [*apart, (names, items)]
    return [frozenset(items) for _, items in parts]
