"""What is generated is what its description says."""

import numpy as np

from kerasearch.models.datasets.generated.addition import BITS, add
from kerasearch.models.datasets.generated.anomalies import measure
from kerasearch.models.datasets.generated.cosine import decaying_cosine
from kerasearch.models.datasets.generated.ratings import rate
from kerasearch.models.datasets.generated.reversal import reversals
from kerasearch.models.datasets.generated.shapes import draw
from kerasearch.models.datasets.padding import NO_LABEL, real_steps

PLACES = 2 ** np.arange(BITS + 1)


def test_bits_add_up_and_no_pair_is_there_twice() -> None:
    dataset = add()
    a, b = np.moveaxis(dataset.x.astype(np.int64) @ np.eye(2, dtype=np.int64), 2, 0) @ PLACES
    assert dataset.y is not None
    np.testing.assert_array_equal(a + b, dataset.y @ PLACES)
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == len(dataset)


def test_the_cosine_comes_back_every_25_steps_a_little_smaller() -> None:
    series = decaying_cosine()[:, 0]
    assert series[0] == 100
    np.testing.assert_allclose(series[25:], series[:-25] * np.exp(-25e-4), rtol=1e-4, atol=1e-4)


def test_answers_are_what_was_said_backwards_and_nothing_else_has_a_label() -> None:
    dataset = reversals(200)
    assert dataset.y is not None
    for x, labels, real in zip(dataset.x, dataset.y, real_steps(dataset.x), strict=True):
        shown = [dataset.features[k] for k in x[real].argmax(axis=1)]
        length = shown.index("end")
        assert shown[length + 1 :] == ["blank"] * length
        answer = [dataset.classes[k] for k in labels[length + 1 : 2 * length + 1]]
        assert answer == shown[:length][::-1]
        assert (np.delete(labels, np.s_[length + 1 : 2 * length + 1]) == NO_LABEL).all()


def test_shapes_are_brighter_than_what_is_around_them() -> None:
    dataset = draw(80)
    assert dataset.x.min() >= 0
    assert dataset.x.max() <= 255
    corners, middle = dataset.x[:, [0, 0, -1, -1], [0, -1, 0, -1]], dataset.x.max(axis=(1, 2))
    assert (corners.mean(axis=1) < middle - 50).all()


def test_every_user_and_every_item_has_a_rating() -> None:
    stars = rate()
    assert set(np.unique(stars.data)) <= set(np.arange(0.5, 5.5, 0.5))
    assert stars.getnnz(axis=0).min() > 0
    assert stars.getnnz(axis=1).min() > 0


def test_no_single_feature_gives_an_anomaly_away() -> None:
    dataset = measure()
    odd = dataset.y == 1
    assert odd.sum() == 100
    normal = dataset.x[~odd]
    shift = (dataset.x[odd].mean(axis=0) - normal.mean(axis=0)) / normal.std(axis=0)
    assert abs(shift).max() < 0.5
