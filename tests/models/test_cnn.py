import keras
import numpy as np

from kerasearch.models.cnn import CNN
from kerasearch.models.datasets import fit_scaling
from kerasearch.models.family import DataShape, hyperparameters

AUGMENTED = {
    "blocks": 1,
    "filters": 4,
    "kernel_size": 3,
    "pooling": "max",
    "batch_norm": False,
    "dense_units": 8,
    "dropout": 0.0,
    "augmentation": True,
    "flip": "horizontal",
    "rotation": 0.1,
    "zoom": 0.2,
    "shear": 0.2,
}

IMAGES = np.random.default_rng(0).normal(size=(32, 8, 8, 1)).astype(np.float32)


def build(augmentation: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    family = CNN(DataShape(IMAGES.shape[1:], 3, fit_scaling(IMAGES, "standard", "image")))
    return family.build(hyperparameters({**AUGMENTED, "augmentation": augmentation}))


def test_augmentation_changes_what_training_sees_and_not_what_is_validated() -> None:
    augmented, plain = build(True), build(False)
    plain.set_weights([np.asarray(weight) for weight in augmented.trainable_weights])
    assert np.array_equal(augmented.predict(IMAGES, verbose=0), plain.predict(IMAGES, verbose=0))
    seen = keras.ops.convert_to_numpy(augmented(IMAGES, training=True))
    assert not np.allclose(seen, plain(IMAGES, training=True), atol=1e-3)
