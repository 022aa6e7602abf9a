"""A long history is thinned to what matters, and the same whatever came first."""

from itertools import pairwise
from random import Random

from kerasearch.service.sampling.thinning import BEST, RECENT, thinned


def test_a_short_history_is_whole() -> None:
    assert thinned(range(400), dict.fromkeys(range(400), (0.0,)), 400) == [*range(400)]


def test_the_best_and_the_most_recent_are_all_kept() -> None:
    rng = Random(0)
    costs = {place: (rng.random(),) for place in range(5_000) if place % 7}
    kept = thinned(range(5_000), costs, 400)
    assert len(kept) == 400
    assert kept == sorted(set(kept))
    assert {*sorted(costs, key=lambda place: costs[place])[:BEST]} <= {*kept}
    assert {*range(5_000 - RECENT, 5_000)} <= {*kept}


def test_the_rest_is_thinned_evenly() -> None:
    costs = {place: (float(place),) for place in range(5_000)}  # the best are the oldest
    kept = thinned(range(5_000), costs, 400)
    middle = [place for place in kept if BEST <= place < 5_000 - RECENT]
    gaps = {late - early for early, late in pairwise(middle)}
    assert gaps <= {14, 15}


def test_without_a_single_value_the_rest_is_still_there() -> None:
    assert len(thinned(range(1_000), {}, 400)) == 400


def test_among_equals_the_earliest_are_the_best_in_whatever_order_they_ended() -> None:
    costs = dict.fromkeys(range(2_000), (1.0,))
    backwards = dict.fromkeys(reversed(range(2_000)), (1.0,))
    assert thinned(range(2_000), costs, 400) == thinned(range(2_000), backwards, 400)
    assert {*range(BEST)} <= {*thinned(range(2_000), costs, 400)}


def test_of_several_objectives_the_pareto_set_is_kept_along_its_whole_length() -> None:
    costs = {place: (float(place), float(-place)) for place in range(1_000)}  # all of them
    kept = thinned(range(1_000), costs, 400)
    assert {0, 500, 990} <= {*kept}
    few = dict.fromkeys(range(1000), (1.0, 1.0)) | {3: (0.0, 2.0), 77: (0.5, 0.5)}
    assert {3, 77} <= {*thinned(range(1_000), few, 400)}
