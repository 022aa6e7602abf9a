import keras
import numpy as np
import pytest

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Examples, Scaling
from kerasearch.models.evaluation import evaluate
from kerasearch.models.infeasible import InfeasibleError

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


@pytest.mark.parametrize("classes", [2, 3])
def test_a_row_that_no_number_can_be_given_for_is_infeasible(classes: int) -> None:
    x, y = np.zeros((5, 4), np.float32), np.arange(5) % classes
    x[3] = np.inf
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(inputs))
    with pytest.raises(InfeasibleError, match="gave a number that"):
        evaluate(model, Examples(x, y), DataShape((4,), classes, FOUR))
