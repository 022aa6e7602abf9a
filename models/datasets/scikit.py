"""Real datasets that scikit-learn's wheel carries."""

import numpy as np

from kerasearch.models.datasets.dataset import Dataset


def digits() -> Dataset:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return Dataset(
        kind="image",
        x=x.reshape(-1, 8, 8, 1).astype(np.float32),
        y=y.astype(np.int64),
        classes=tuple("0123456789"),
    )


def breast_cancer() -> Dataset:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return Dataset(
        kind="tabular",
        x=data.data.astype(np.float32),
        y=1 - data.target.astype(np.int64),  # there 0 is malignant; here classes are in alphabet
        classes=("benign", "malignant"),
        features=tuple(data.feature_names.tolist()),
    )


def diabetes() -> Dataset:
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    return Dataset(
        kind="tabular",
        x=data.data.astype(np.float32),
        y=data.target.astype(np.float32),
        features=tuple(data.feature_names),
    )
