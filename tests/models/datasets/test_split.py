import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kerasearch.models.datasets import resplit_rows, split_rows

fractions = st.floats(0.05, 0.45)
seeds = st.integers(0, 2**31 - 1)
labels = st.lists(st.integers(3, 40), min_size=2, max_size=5).map(
    lambda sizes: np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
)


def enough(y: np.ndarray, validation: float, test: float, stratify: bool = True) -> bool:
    sizes = np.bincount(y).tolist() if stratify else [len(y)]
    return all(max(1, round(n * validation)) + max(1, round(n * test)) < n for n in sizes)


@given(labels, fractions, fractions, st.booleans(), seeds)
def test_parts_are_disjoint_and_together_every_row(
    y: np.ndarray, validation: float, test: float, stratify: bool, seed: int
) -> None:
    assume(enough(y, validation, test, stratify))

    parts = split_rows(y, validation=validation, test=test, stratify=stratify, seed=seed)

    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(y)))
    assert all(np.all(np.diff(part) > 0) for part in parts)


@given(labels, fractions, fractions, seeds)
def test_a_stratified_part_holds_every_class_in_its_proportion(
    y: np.ndarray, validation: float, test: float, seed: int
) -> None:
    assume(enough(y, validation, test))

    parts = split_rows(y, validation=validation, test=test, stratify=True, seed=seed)

    sizes = np.bincount(y)
    for part, fraction in ((parts.validation, validation), (parts.test, test)):
        held = np.bincount(y[part], minlength=len(sizes))
        assert np.all(held >= 1)
        assert np.all(np.abs(held - sizes * fraction) < 1)
    assert set(y[parts.train]) == set(y)


@given(labels, fractions, fractions, fractions, st.booleans(), seeds)
def test_the_test_part_does_not_depend_on_the_validation_fraction(
    y: np.ndarray, validation: float, other: float, test: float, stratify: bool, seed: int
) -> None:
    assume(all(enough(y, part, test, stratify) for part in (validation, other)))

    one = split_rows(y, validation=validation, test=test, stratify=stratify, seed=seed)
    two = split_rows(y, validation=other, test=test, stratify=stratify, seed=seed)

    assert np.array_equal(one.test, two.test)


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    y = np.repeat([0, 1], 50)
    one, same, other = (
        split_rows(y, validation=0.2, test=0.2, stratify=True, seed=seed) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one.test, other.test)
    assert not np.array_equal(one.validation, other.validation)


def test_a_retraining_splits_afresh_and_never_touches_the_test_part() -> None:
    y = np.repeat([0, 1, 2], [60, 30, 10])
    split = split_rows(y, validation=0.2, test=0.2, stratify=True, seed=0)
    pool = np.union1d(split.train, split.validation)

    validations = []
    for seed in range(5):
        train, validation = resplit_rows(y, pool, validation=0.2, stratify=True, seed=seed)
        assert np.array_equal(np.union1d(train, validation), pool)
        assert np.intersect1d(train, validation).size == 0
        assert np.bincount(y[validation]).tolist() == [12, 6, 2]
        validations.append(tuple(validation))

    assert len(set(validations)) == 5
    assert validations[0] == tuple(split.validation)


def test_a_class_too_small_for_three_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="ask for smaller parts"):
        split_rows(np.array([0] * 10 + [1] * 2), validation=0.2, test=0.2, stratify=True, seed=0)
