import keras
import numpy as np
import pytest

from kerasearch.models.evaluation import class_errors, confusion_matrix, evaluate


def test_confusion_counts_true_classes_in_rows() -> None:
    counts = confusion_matrix(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0]), 4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classes_is_refused(label: int) -> None:
    inside, outside = np.array([0, 2]), np.array([0, label])
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\)"):
        confusion_matrix(outside, inside, 3)
    with pytest.raises(ValueError, match=r"predicted must lie in \[0, 3\)"):
        confusion_matrix(inside, outside, 3)


def test_a_class_error_is_the_share_mistaken_and_0_for_a_class_without_rows() -> None:
    errors = class_errors(np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]]))
    assert errors.tolist() == [0.25, 0.0, 0.5]


@pytest.mark.parametrize("sharpness", [1.0, 10.0])
def test_loss_and_accuracy_are_those_of_keras(sharpness: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(700, 4)).astype(np.float32), rng.integers(0, 3, 700)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.set_weights([sharpness * weight for weight in model.get_weights()])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    judged = evaluate(model, x, y, 3)

    plain = model.evaluate(x, y, verbose=0, return_dict=True)
    assert judged.accuracy == pytest.approx(plain["accuracy"], abs=1e-6)
    assert judged.loss == pytest.approx(plain["loss"], rel=1e-5)
    assert judged.confusion.sum() == judged.n == 700
    assert judged.class_errors == pytest.approx(class_errors(judged.confusion))
