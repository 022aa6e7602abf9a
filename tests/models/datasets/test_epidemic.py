from itertools import combinations

import numpy as np
import pytest

from kerasearch.models.datasets import Dataset
from kerasearch.models.datasets.epidemic import CLASSES, DAYS, POPULATION, simulate


@pytest.fixture(scope="module")
def epidemics() -> Dataset:
    return simulate(runs_a_class=100, seed=3)


def test_the_same_seed_gives_the_same_epidemics_and_another_seed_others(epidemics: Dataset) -> None:
    assert simulate(runs_a_class=100, seed=3).sha256() == epidemics.sha256()
    assert simulate(runs_a_class=100, seed=4).sha256() != epidemics.sha256()


def test_new_cases_are_whole_people_of_the_population(epidemics: Dataset) -> None:
    assert epidemics.x.shape == (800, DAYS, 1)
    assert np.array_equal(epidemics.x, np.round(epidemics.x))
    assert epidemics.x.min() >= 0
    assert epidemics.x.sum(axis=1).max() <= POPULATION


def test_any_two_classes_differ_in_two_factors_at_least() -> None:
    assert len(CLASSES) == 8
    for one, other in combinations(CLASSES, 2):
        assert sum(a != b for a, b in zip(one.split("-"), other.split("-"), strict=True)) >= 2


def test_the_order_of_runs_tells_nothing_of_their_class(epidemics: Dataset) -> None:
    first_half = np.bincount(epidemics.y[:400])
    assert np.all((first_half > 30) & (first_half < 70))


@pytest.mark.parametrize(
    ("more", "fewer"),
    [
        ("fast-short-even-many", "slow-long-even-many"),  # R0
        ("slow-long-even-many", "slow-long-hubs-few"),  # hubs: fewer people are reached
    ],
)
def test_settings_move_the_number_of_cases_as_the_model_says(
    epidemics: Dataset, more: str, fewer: str
) -> None:
    cases = {
        name: epidemics.x[epidemics.y == i].sum(axis=1).mean() for i, name in enumerate(CLASSES)
    }
    assert cases[more] > 1.2 * cases[fewer]


def test_classes_can_be_told_apart_but_not_all_of_them(epidemics: Dataset) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    x = np.sqrt(epidemics.x[..., 0])  # counts: their noise is even on this scale
    learned = KNeighborsClassifier(9).fit(x[:600], epidemics.y[:600])
    accuracy = learned.score(x[600:], epidemics.y[600:])

    assert 3 / 8 < accuracy < 0.95
