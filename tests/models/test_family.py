import keras
import numpy as np
import pytest

from kerasearch.models.datasets import Scaling
from kerasearch.models.family import DataShape, ModelFamily, hyperparameters, one_of, whole


class Scaled(ModelFamily):
    """Gives its input back, scaled."""

    def build(self, hp: object) -> keras.Model:
        return keras.Model(*self.scaled_input())


def scaled(x: np.ndarray, scaling: Scaling) -> np.ndarray:
    model = Scaled(DataShape(x.shape[1:], 2, scaling)).build(hyperparameters({}))
    return model.predict(x, verbose=0)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 7.0, 1e20])
@pytest.mark.parametrize("offset", [0.0, 1.0, 2000.0])
def test_scaling_is_exact_in_single_precision_whatever_the_unit(
    offset: float, scale: float
) -> None:
    shift, unit = np.float32(offset * scale), np.float32(scale)
    x = np.random.default_rng(0).normal(shift, unit, (50, 1)).astype(np.float32)
    wanted = (x.astype(float) - shift) / unit
    got = scaled(x, Scaling(np.array([shift]), np.array([unit])))
    np.testing.assert_allclose(got, wanted, rtol=3e-7)


def test_each_feature_has_its_own_scale_and_an_image_one_for_all_channels() -> None:
    table = Scaling(np.array([1, 2], np.float32), np.array([10, 100], np.float32))
    np.testing.assert_allclose(scaled(np.array([[11.0, 202.0]]), table), [[1, 2]])
    image = Scaling(np.array([1], np.float32), np.array([2], np.float32))
    np.testing.assert_allclose(scaled(np.full((1, 2, 2, 3), 5.0), image), np.full((1, 2, 2, 3), 2))


def test_build_may_read_parameters_in_both_of_keras_tuners_ways() -> None:
    hp = hyperparameters({"units": 10, "dropout": 0.5, "activation": "relu", "extra": None})
    assert hp["units"] == hp.Int("units", 1, 64) == 10
    assert hp.Float("dropout", 0.0, 0.9) == 0.5
    assert hp.Choice("activation", ["tanh", "relu"]) == "relu"
    assert hp["extra"] is None


def test_reading_a_parameter_that_the_trial_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError, match="units"):
        hyperparameters({})["units"]


@pytest.mark.parametrize("value", [1, 10, 10.0])
def test_a_whole_number_may_come_as_a_float(value: float) -> None:
    assert whole(hyperparameters({"units": value}), "units") == int(value)


@pytest.mark.parametrize("value", [0, -3, 10.5])
def test_a_count_must_be_whole_and_positive(value: float) -> None:
    with pytest.raises(ValueError, match="units must be a whole number of at least 1, not"):
        whole(hyperparameters({"units": value}), "units")


def test_an_unknown_name_is_refused_with_those_known() -> None:
    with pytest.raises(ValueError, match=r"no cell 'lst'; did you mean 'lstm'\? known: gru, lstm"):
        one_of(hyperparameters({"cell": "lst"}), "cell", ["lstm", "gru"])
