import keras
import numpy as np
import pytest

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Examples, Scaling
from kerasearch.models.evaluation import evaluate

FOUR = Scaling(np.zeros(4, np.float32), np.ones(4, np.float32))


@pytest.mark.parametrize("sharpness", [1.0, 10.0])
def test_loss_and_accuracy_are_those_of_keras(sharpness: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(700, 4)).astype(np.float32), rng.integers(0, 3, 700)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.set_weights([sharpness * weight for weight in model.get_weights()])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    judged = evaluate(model, Examples(x, y), DataShape((4,), 3, FOUR))

    plain = model.evaluate(x, y, verbose=0, return_dict=True)
    assert judged.metrics["accuracy"] == pytest.approx(plain["accuracy"], abs=1e-6)
    assert judged.metrics["loss"] == pytest.approx(plain["loss"], rel=1e-5)
    assert np.sum(judged.tables["confusion_matrix"]["counts"]) == judged.n == 700
