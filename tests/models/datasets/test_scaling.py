import numpy as np
import pytest

from kerasearch.models.datasets import fit_scaling
from kerasearch.models.datasets.info import Kind

SHAPES: dict[Kind, tuple[tuple[int, ...], int]] = {
    "tabular": ((50, 3), 3),
    "sequence": ((50, 7, 2), 2),
    "image": ((50, 4, 4, 3), 1),
}


def rows(kind: Kind) -> np.ndarray:
    x = np.random.default_rng(0).normal(20, 5, SHAPES[kind][0])
    return (x * np.arange(1, x.shape[-1] + 1)).astype(np.float32)


@pytest.mark.parametrize("kind", SHAPES)
def test_minmax_brings_every_scaled_axis_to_0_and_1(kind: Kind) -> None:
    x = rows(kind)
    scaling = fit_scaling(x, "minmax", kind)
    scaled = (x - scaling.offset) / scaling.scale

    axes = None if kind == "image" else tuple(range(x.ndim - 1))
    assert scaling.offset.shape == scaling.scale.shape == (SHAPES[kind][1],)
    assert scaling.offset.dtype == scaling.scale.dtype == np.float32
    np.testing.assert_allclose(scaled.min(axis=axes), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.max(axis=axes), 1, atol=1e-6)


@pytest.mark.parametrize("kind", SHAPES)
def test_standard_brings_every_scaled_axis_to_mean_0_and_deviation_1(kind: Kind) -> None:
    x = rows(kind)
    scaling = fit_scaling(x, "standard", kind)
    scaled = (x - scaling.offset) / scaling.scale

    axes = None if kind == "image" else tuple(range(x.ndim - 1))
    np.testing.assert_allclose(scaled.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=axes), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", SHAPES)
def test_none_changes_nothing(kind: Kind) -> None:
    x = rows(kind)
    scaling = fit_scaling(x, "none", kind)
    assert np.array_equal((x - scaling.offset) / scaling.scale, x)
    assert scaling.offset.shape == (SHAPES[kind][1],)


@pytest.mark.parametrize("how", ["minmax", "standard"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e7])
def test_a_constant_feature_becomes_zero_and_nothing_is_divided_by_it(
    how: str, value: float
) -> None:
    x = np.full((9, 2), value, np.float32)
    x[:, 1] = np.arange(9)
    scaling = fit_scaling(x, how, "tabular")  # type: ignore[arg-type]
    scaled = (x - scaling.offset) / scaling.scale
    assert np.all(scaled[:, 0] == 0)
    assert np.isfinite(scaled).all()
