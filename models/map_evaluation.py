"""How well a self-organizing map stands for rows, and what it shows of them."""

from collections import Counter

import keras
import numpy as np
from numpy.typing import NDArray

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.evaluation import Evaluation, Table, finite_batches
from kerasearch.models.som import MAP

Grid = NDArray[np.float64]

OUTLYING = 2.0
"""Deviations by which a cell is farther from its neighbours than cells are in the mean."""


def judge_map(model: keras.Model, examples: Examples, data: DataShape) -> Evaluation:
    """Judge the cells that rows are mapped to; distances are of scaled features.

    The quantization error is the mean distance to the winning cell, the loss the mean of its
    square; the topographic error is the share of rows whose second best cell isn't beside it.

    The table `map` has for each cell its mean distance to the cells beside it (the U-matrix) and
    how many rows it wins; `outliers` lists the cells far from those beside them that win any.
    """
    outputs = np.concatenate(list(finite_batches(model, examples.x))).astype(np.float64)
    layer = model.get_layer(MAP)
    shape = (layer.rows, layer.columns)
    cells = keras.ops.convert_to_numpy(layer.cells).astype(np.float64)
    gaps = neighbour_distances(cells.reshape(*shape, -1))
    winners = np.ravel_multi_index(outputs[:, :2].astype(int).T, shape)
    names = [""] * len(outputs)
    if examples.labels is not None:
        names = [data.class_names[label] for label in examples.labels]
    table = {
        "neighbour_distance": gaps.tolist(),
        "wins": np.bincount(winners, minlength=gaps.size).reshape(shape).tolist(),
        "outliers": _outliers(gaps, winners, names),
    }
    metrics = {
        "quantization_error": float(outputs[:, 2].mean()),
        "topographic_error": float(outputs[:, 3].mean()),
        "loss": float(np.square(outputs[:, 2]).mean()),
    }
    return Evaluation(len(outputs), metrics, {"map": table})


def neighbour_distances(cells: Grid) -> Grid:
    """The U-matrix: of each cell `(rows, columns, features)` the mean distance to those beside it.

    Ultsch & Siemon, Kohonen's Self Organizing Feature Maps for Exploratory Data Analysis, 1990.
    """
    rows, columns, _ = cells.shape
    walled = np.pad(cells, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    distances = [
        np.linalg.norm(walled[down : down + rows, right : right + columns] - cells, axis=-1)
        for down, right in np.ndindex(3, 3)
        if (down, right) != (1, 1)
    ]
    mean: Grid = np.nanmean(distances, axis=0)
    return mean


def _outliers(gaps: Grid, winners: NDArray[np.int64], names: list[str]) -> list[Table]:
    """Cells that win rows and lie far from those beside them, the farthest first."""
    limit = gaps.mean() + OUTLYING * gaps.std()
    won = Counter(zip(winners.tolist(), names, strict=True))
    outliers = []
    for cell in np.argsort(-gaps, axis=None).tolist():
        counts = {name: count for (winner, name), count in won.items() if winner == cell}
        if gaps.flat[cell] > limit and counts:
            row, column = divmod(cell, gaps.shape[1])
            outliers.append(
                {
                    "row": row,
                    "column": column,
                    "neighbour_distance": float(gaps.flat[cell]),
                    "wins": sum(counts.values()),
                    "classes": counts if set(counts) != {""} else {},
                }
            )
    return outliers
