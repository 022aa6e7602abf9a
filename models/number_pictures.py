"""Pictures of how well a model tells numbers."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kerasearch.models.class_pictures import draw_ideal
from kerasearch.models.evaluation import Table
from kerasearch.models.pictures import TRAIN, finish


def draw_predictions(table: Table, path: Path) -> None:
    """Predicted against actual; on the diagonal they are the same."""
    actual, predicted = np.ravel(table["actual"]), np.ravel(table["predicted"])
    figure = Figure(figsize=(4.8, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(actual, predicted, "o", color=TRAIN, markersize=3, alpha=0.5)
    draw_ideal(axes, min(actual.min(), predicted.min()), max(actual.max(), predicted.max()))
    axes.set(xlabel="actual", ylabel="predicted", title=f"{len(actual):,} predictions")
    finish(figure, [axes], path)


def draw_residuals(table: Table, path: Path) -> None:
    """How often which error was made."""
    _draw_histogram(table, "predicted minus actual", path)


def draw_row_errors(table: Table, path: Path) -> None:
    """How many rows are reconstructed how badly."""
    _draw_histogram(table, "mean squared error of a row, scaled", path)


def _draw_histogram(table: Table, label: str, path: Path) -> None:
    figure = Figure(figsize=(5.0, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.stairs(table["counts"], table["edges"], fill=True, color=TRAIN)
    axes.axvline(0, color="#888888", linewidth=1, linestyle=":")
    axes.set(xlabel=label, ylabel="count")
    finish(figure, [axes], path)
