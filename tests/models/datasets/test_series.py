from types import SimpleNamespace

import numpy as np
import pytest

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.series import Series
from kerasearch.models.datasets.timeline import CannotCut

FRACTIONS = SimpleNamespace(validation=0.2, test=0.1, stratify=True, seed=0)


def counting(steps: int = 100, channels: int = 1, horizon: int = 1) -> Series:
    """Channel c of step t is t + c / 10."""
    x = np.arange(steps)[:, None] + np.arange(channels) / 10
    return Series("series", x.astype(np.float32), None, horizon=horizon)


def test_parts_follow_each_other_in_time() -> None:
    split = counting().split(FRACTIONS)
    assert [part.tolist() for part in split] == [
        list(range(70)),
        list(range(70, 90)),
        list(range(90, 100)),
    ]


def test_a_retraining_of_any_seed_validates_on_what_comes_last() -> None:
    series = counting()
    train, validation = series.resplit(np.arange(90), FRACTIONS, seed=17)
    np.testing.assert_array_equal(np.concatenate([train, validation]), np.arange(90))
    assert len(validation) == 20


def test_each_fold_validates_on_what_comes_after_all_that_it_trains_on() -> None:
    folds = counting().folds(np.arange(90), FRACTIONS, 4)
    assert len(folds) == 4
    for train, validation in folds:
        np.testing.assert_array_equal(train, np.arange(validation[0]))
    assert folds[-1][1][-1] == 89


def test_a_window_is_followed_by_the_first_channel_of_the_steps_after_it() -> None:
    prepared = counting(channels=2, horizon=3).prepared(np.arange(70), "forecasting", {"window": 5})
    x, y, _ = prepared.examples(np.arange(70))
    assert (x.shape, y.shape) == ((63, 5, 2), (63, 3))
    np.testing.assert_allclose(x[0], [[t, t + 0.1] for t in range(5)], rtol=1e-6)
    np.testing.assert_array_equal(y, x[:, -1:, 0] + [1, 2, 3])
    assert y[-1].tolist() == [67, 68, 69]


def test_validation_looks_back_into_train_and_forecasts_nothing_of_the_test_part() -> None:
    series = counting(horizon=2)
    split = series.split(FRACTIONS)
    prepared = series.prepared(split.train, "forecasting", {"window": 60})
    x, y, _ = prepared.examples(split.validation)
    assert x[0, 0, 0] == 10
    assert (y.min(), y.max()) == (70, 89)


def test_what_is_forecast_does_not_depend_on_the_length_of_the_window() -> None:
    series = counting()
    split = series.split(FRACTIONS)
    short, long = (
        series.prepared(split.train, "forecasting", {"window": w}).examples(split.validation).y
        for w in (3, 30.0)
    )
    np.testing.assert_array_equal(short, long)


def test_in_streams_each_row_goes_on_where_it_was_in_the_batch_before() -> None:
    params = {"window": 4, "stateful": True, "batch_size": 3}
    prepared = counting().prepared(np.arange(70), "forecasting", params)
    x, y, _ = prepared.examples(np.arange(70))
    batches = x[..., 0].reshape(-1, 3, 4)
    assert len(batches) == 5
    np.testing.assert_array_equal(batches[1:], batches[:-1] + 4)
    np.testing.assert_array_equal(y[:, 0], x[:, -1, 0] + 1)
    # Together they are the last steps of the part, each once.
    assert sorted(x.ravel()) == list(range(9, 69))


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"window": 70}, "70 steps have no room for a window of 70 with 1 to forecast: search"),
        (
            {"window": 20, "stateful": True, "batch_size": 8},
            "a window of 20 with 1 to forecast in each of 8 streams",
        ),
        ({"window": 0}, "window must be a whole number of at least 1, not 0"),
        ({"window": "long"}, "not 'long'"),
    ],
)
def test_what_cannot_be_cut_into_windows_is_told(params: dict[str, object], reason: str) -> None:
    with pytest.raises(CannotCut, match=reason):
        counting().prepared(np.arange(70), "forecasting", params).examples(np.arange(70))


def test_a_job_chooses_the_horizon_of_a_built_in_series() -> None:
    assert counting().chosen(DataChoice(horizon=4)).horizon == 4
