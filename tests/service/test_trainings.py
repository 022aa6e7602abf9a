"""A trial trains once for each fold and repeat."""

import numpy as np
import pytest

from kerasearch.models.datasets import load_builtin
from kerasearch.service.jobs import JobRequest
from kerasearch.service.trainings import Turn, mean_metrics, std_error, turns_of
from kerasearch.service.trials import Training

DIGITS = load_builtin("digits")


def _request(repeats: int = 1, **split: object) -> JobRequest:
    data = {"dataset": "digits", "split": split}
    return JobRequest.model_validate({"model": "mlp", "data": data, "budget": {"repeats": repeats}})


def _turns(trial_seed: int = 5, repeats: int = 1, **split: object) -> list[Turn]:
    return turns_of(DIGITS, _request(repeats, **split), trial_seed)


def test_one_training_validates_on_the_validation_part() -> None:
    (turn,) = _turns()
    split = DIGITS.split(_request().data.split)
    assert (turn.fold, turn.seed) == (None, 5)
    np.testing.assert_array_equal(turn.train, split.train)
    np.testing.assert_array_equal(turn.validation, split.validation)


def test_every_row_outside_the_test_part_validates_in_one_fold_of_equal_size_and_classes() -> None:
    turns = _turns(folds=4)
    sealed = DIGITS.split(_request().data.split).test
    pool = np.setdiff1d(np.arange(len(DIGITS)), sealed)
    assert [turn.fold for turn in turns] == [0, 1, 2, 3]
    np.testing.assert_array_equal(np.sort(np.concatenate([t.validation for t in turns])), pool)
    sizes = [len(turn.validation) for turn in turns]
    assert max(sizes) - min(sizes) <= 1
    labels = DIGITS.labels
    assert labels is not None
    for turn in turns:
        np.testing.assert_array_equal(np.sort(np.concatenate([turn.train, turn.validation])), pool)
        counts = np.bincount(labels[turn.validation], minlength=10)
        wanted = np.bincount(labels[pool], minlength=10) / 4
        assert np.abs(counts - wanted).max() <= 1


def test_every_trial_has_the_same_folds_and_a_split_of_another_seed_others() -> None:
    def drawn(trial_seed: int, seed: int) -> list[list[int]]:
        return [turn.validation.tolist() for turn in _turns(trial_seed, folds=3, seed=seed)]

    assert drawn(1, 0) == drawn(2, 0) != drawn(1, 1)


def test_repeats_have_seeds_of_their_own_that_follow_from_the_trial_s() -> None:
    seeds = [turn.seed for turn in _turns(repeats=3, folds=2)]
    assert seeds[0] == seeds[1] == 5
    assert seeds[::2] == [turn.seed for turn in _turns(repeats=3)]
    assert len({*seeds, *(turn.seed for turn in _turns(6, repeats=3))}) == 6


def test_a_class_too_small_for_the_folds_is_named() -> None:
    with pytest.raises(ValueError, match=r"rows can.t be in 100 folds"):
        _turns(folds=100, test=0.5)


def _training(value: float) -> Training:
    metrics = {"val_accuracy": value, "val_loss": 1 - value}
    return Training(fold=0, seed=0, value=value, best_epoch=1, epochs=2, metrics=metrics)


def test_the_standard_error_is_of_the_mean() -> None:
    trainings = [_training(value) for value in (0.5, 0.7, 0.9)]
    assert mean_metrics(trainings) == pytest.approx({"val_accuracy": 0.7, "val_loss": 0.3})
    trainings[1].metrics["val_auc"] = 0.5  # a plugin's `fit` told it of this fold alone
    assert mean_metrics(trainings) == pytest.approx({"val_accuracy": 0.7, "val_loss": 0.3})
    assert std_error(trainings) == pytest.approx(0.2 / 3**0.5)
    assert std_error(trainings[:1]) is None
