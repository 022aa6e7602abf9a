"""The part of a long history that a sampler is shown, so that what it costs stays flat."""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

from kerasearch.service.pareto import Costs, non_dominated

BEST = 25
"""TPE's good ones are 25 trials at most, in Optuna and in Hyperopt."""

RECENT = 25
"""The trials that TPE gives their full weight, in Optuna and in Hyperopt."""


def thinned(ended: Sequence[int], costs: Mapping[int, Costs], most: int) -> list[int]:
    """About `most` of the ended trials, as places in a history.

    The best and the most recent are all there. What is between is thinned evenly: TPE weighs the
    rest by age alone, so its density there stays the same up to sampling noise.

    Args:
        ended: Places, ascending.
        costs: Of those with values.
        most: At least four times `BEST`.
    """
    if len(ended) <= most:
        return list(ended)
    kept = {*ended[-RECENT:], *_best(costs, most // 4)}
    rest = [place for place in ended if place not in kept]
    room = most - len(kept)
    kept |= {rest[index * len(rest) // room] for index in range(room)}
    return sorted(kept)


def _best(costs: Mapping[int, Costs], most: int) -> list[int]:
    """The best places; of several objectives, from the Pareto set."""
    if not costs or len(next(iter(costs.values()))) == 1:
        return nsmallest(BEST, costs, key=lambda place: (costs[place], place))
    places = sorted(costs)
    front = non_dominated([costs[place] for place in places])
    every = -(-len(front) // most)  # all along it, which lies in the order of one objective
    return [places[index] for index in front[::every]]
