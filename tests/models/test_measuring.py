import keras
import numpy as np

from kerasearch.models.measuring import COSTS, measured_costs


def _model() -> keras.Model:
    return keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4)])


def test_what_is_asked_for_is_measured() -> None:
    costs = measured_costs([*COSTS, "val_loss"], _model(), np.zeros((1, 3), np.float32), 2.5)
    assert costs.keys() == COSTS.keys()
    assert costs["parameters"] == 3 * 4 + 4
    assert costs["train_time_s"] == 2.5
    assert 0 < costs["latency_ms"] < 60_000


def test_what_nobody_asks_for_costs_nothing() -> None:
    class Untouched(keras.Model):  # type: ignore[misc]  # keras ships no types
        def predict_on_batch(self, x: object) -> object:
            raise AssertionError("nobody asked")

    assert measured_costs(["val_loss"], Untouched(), np.zeros((1, 3), np.float32), 1.0) == {}
