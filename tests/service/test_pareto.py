from random import Random

from kerasearch.service.pareto import costs_of, dominates, non_dominated


def test_a_cost_is_less_where_the_value_is_better() -> None:
    assert costs_of([0.9, 100], ["maximize", "minimize"]) == (-0.9, 100)


def test_one_dominates_that_is_nowhere_worse_and_somewhere_better() -> None:
    assert dominates((1, 2), (1, 3))
    assert not dominates((1, 2), (1, 2))
    assert not dominates((0, 3), (1, 2))


def test_the_pareto_set_is_what_nothing_dominates() -> None:
    rng = Random(0)
    points = [tuple(float(rng.randrange(6)) for _ in range(3)) for _ in range(200)]
    wanted = {
        index
        for index, point in enumerate(points)
        if not any(dominates(other, point) for other in points)
    }
    assert {*non_dominated(points)} == wanted


def test_equal_points_are_all_in_it() -> None:
    assert sorted(non_dominated([(1, 1), (1, 1), (2, 0), (2, 2)])) == [0, 1, 2]
