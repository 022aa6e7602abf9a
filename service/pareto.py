"""The best of several objectives: what nothing else is better than in all of them."""

from collections.abc import Sequence

from kerasearch.models.tasks import Direction

Costs = tuple[float, ...]
"""The values of each objective, each with the sign that makes less better."""


def costs_of(values: Sequence[float], directions: Sequence[Direction]) -> Costs:
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    return tuple(sign * value for sign, value in zip(signs, values, strict=True))


def dominates(one: Costs, other: Costs) -> bool:
    """Whether `one` is nowhere worse and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def non_dominated(points: Sequence[Costs]) -> list[int]:
    """Indices of the points that no other dominates: the Pareto set, in ascending cost."""
    front: list[int] = []
    for index in sorted(range(len(points)), key=lambda index: points[index]):
        # What dominates a point comes before it in this order.
        if not any(dominates(points[best], points[index]) for best in front):
            front.append(index)
    return front
