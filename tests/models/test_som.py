from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from minisom import MiniSom

from kerasearch.models import FAMILIES, load_family
from kerasearch.models.datasets import Dataset
from kerasearch.models.datasets.generated.anomalies import measure
from kerasearch.models.evaluation import Evaluation, evaluate, predict
from kerasearch.models.map_evaluation import neighbour_distances
from kerasearch.models.pictures import draw_table
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.som import MAP
from kerasearch.models.som_cells import CellMap
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces import InvalidInput, space_for
from kerasearch.searchspaces.parameters import Params

ROWS, COLUMNS, EPOCHS = 8, 6, 10
THIRD = 3 ** (-1 / EPOCHS)  # MiniSom's sigma and rate end at a third of where they began
PARAMS: Params = {
    "rows": ROWS,
    "columns": COLUMNS,
    "sigma": 2.0,
    "sigma_decay": THIRD,
    "rate": 0.5,
    "rate_decay": THIRD,
    "batch_size": 16,
}


def make_data(dataset: Dataset) -> TrainingData:
    split = dataset.split(SimpleNamespace(validation=0.2, test=0.2, stratify=True, seed=0))
    return training_data(
        dataset, split.train, split.validation, task="mapping", scale="standard", params={}
    )


@cache
def trained(batch_size: int = 16) -> tuple[TrainedModel, TrainingData, Evaluation]:
    data = make_data(measure(600))
    plan = TrainingPlan(EPOCHS, "val_quantization_error", "minimize", early_stopping=None)
    params = PARAMS | {"batch_size": batch_size}
    result = train(load_family("som")(data.shape), params, data.parts, plan, 7, lambda *_: True)
    return result, data, evaluate(result.model, data.validation, data.shape)


def scaled(data: TrainingData, x: np.ndarray) -> np.ndarray:
    return ((x - data.shape.scaling.offset) / data.shape.scaling.scale).astype(float)


@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_map_is_as_good_as_one_by_minisom(batch_size: int) -> None:
    result, data, judged = trained(batch_size)
    rows, held_out = scaled(data, data.train.x), scaled(data, data.validation.x)
    peer = MiniSom(ROWS, COLUMNS, rows.shape[1], sigma=2.0, learning_rate=0.5, random_seed=7)
    peer.pca_weights_init(rows)
    peer.train(rows, EPOCHS, random_order=True, use_epochs=True)

    seen = evaluate(result.model, data.train, data.shape)
    assert seen.metrics["quantization_error"] == pytest.approx(
        peer.quantization_error(rows), rel=0.1
    )
    assert judged.metrics["quantization_error"] == pytest.approx(
        peer.quantization_error(held_out), rel=0.1
    )
    assert judged.metrics["topographic_error"] < 0.1
    assert peer.topographic_error(held_out) < 0.1


def test_its_errors_are_those_that_minisom_measures_on_the_same_cells() -> None:
    result, data, judged = trained()
    held_out = scaled(data, data.validation.x)
    cells = np.asarray(result.model.get_layer(MAP).cells).reshape(ROWS, COLUMNS, -1)
    peer = MiniSom(ROWS, COLUMNS, cells.shape[-1])
    peer._weights = cells
    assert judged.metrics["quantization_error"] == pytest.approx(
        peer.quantization_error(held_out), rel=1e-4
    )
    assert judged.metrics["topographic_error"] == pytest.approx(peer.topographic_error(held_out))
    outputs = predict(result.model, data.validation.x)
    assert [tuple(place) for place in outputs[:, :2]] == [peer.winner(row) for row in held_out]
    gaps = neighbour_distances(cells)
    np.testing.assert_allclose(gaps / gaps.max(), peer.distance_map("mean"), rtol=1e-5)


def test_every_epoch_is_told_and_the_map_unfolds() -> None:
    result, _, judged = trained()
    curve = result.curves["val_quantization_error"]
    assert curve[-1] < 0.8 * curve[0]
    assert result.metrics["val_quantization_error"] == pytest.approx(
        judged.metrics["quantization_error"], rel=1e-4
    )
    assert result.metrics["val_loss"] == pytest.approx(judged.metrics["loss"], rel=1e-4)
    assert float(result.model.get_layer(MAP).epochs) == pytest.approx(result.best_epoch, rel=1e-3)


def cell_map(rows: int = 1, columns: int = 3, **changed: float) -> CellMap:
    layer = CellMap(
        rows,
        columns,
        **{"sigma": 1.0, "sigma_decay": 0.5, "rate": 0.1, "rate_decay": 0.5} | changed,
    )
    layer.build((None, 2))
    layer.cells.assign(np.arange(rows * columns * 2.0).reshape(-1, 2))
    return layer


def test_one_row_moves_cells_as_kohonen_says_and_less_an_epoch_later() -> None:
    layer = cell_map(rate=0.001)
    x = np.array([[0.0, 0.0]])
    for sigma, rate in ((1.0, 0.001), (0.5, 0.0005)):
        before = np.array(layer.cells)
        layer(x, training=True)  # an epoch of one row
        near = np.exp(-np.array([0, 1, 4]) / (2 * sigma**2))[:, None]
        np.testing.assert_allclose(
            layer.cells - before, rate * near * (x - before), rtol=3e-3, atol=3e-7
        )


def test_many_rows_and_a_high_rate_are_the_batch_map() -> None:
    layer = cell_map(sigma=0.01, rate=1000.0)
    layer(np.array([[0, 0], [0, 1], [4, 4.5]]), training=True)
    np.testing.assert_allclose(layer.cells, [[0, 0.5], [2, 3], [4, 4.5]], atol=2e-2)


def test_a_prediction_moves_nothing_and_names_cell_distance_and_tears() -> None:
    layer = cell_map(rows=2, columns=2)
    layer.cells.assign([[0, 0], [9, 9], [20, 20], [0, 1]])
    np.testing.assert_allclose(layer(np.array([[0, -3.0]])), [[0, 0, 3, 0]])
    row = cell_map()
    row.cells.assign([[0, 0], [9, 9], [0, 1]])
    np.testing.assert_allclose(row(np.array([[0, 4.0]])), [[0, 2, 3, 1]])
    np.testing.assert_array_equal(row.cells, [[0, 0], [9, 9], [0, 1]])


def test_a_map_of_one_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="two cells at least"):
        cell_map(1, 1)


def test_an_optimizer_is_refused_since_there_are_no_gradients() -> None:
    with pytest.raises(InvalidInput, match="no parameter of som 'optimizer'"):
        space_for("som", {"optimizer": "adam"}, training=FAMILIES["som"].training)


def test_cells_far_from_those_beside_them_are_listed_and_hold_the_anomalies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 40 == 0).astype(np.int64)
    x = rng.normal(size=(400, 3)) + 25 * y[:, None]
    data = make_data(Dataset("tabular", x.astype(np.float32), y, ("fine", "odd")))
    params = PARAMS | {"sigma_decay": 0.7, "rate_decay": 1.0}
    plan = TrainingPlan(12, "val_quantization_error", "minimize", early_stopping=None)
    result = train(load_family("som")(data.shape), params, data.parts, plan, 7, lambda *_: True)
    table = evaluate(result.model, data.validation, data.shape).tables["map"]

    assert np.shape(table["neighbour_distance"]) == np.shape(table["wins"]) == (ROWS, COLUMNS)
    assert np.sum(table["wins"]) == len(data.validation.x)
    odd = sum(cell["classes"].get("odd", 0) for cell in table["outliers"])
    fine = sum(cell["classes"].get("fine", 0) for cell in table["outliers"])
    assert odd == 2  # all of the validation part
    assert fine <= 3
    draw_table("map", table, tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
