"""Pictures of a trained model: its learning curves, and what its evaluation found."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasearch.models.class_evaluation import Counts
from kerasearch.models.evaluation import Table

MAX_NAME = 24
MAX_COUNTED = 30  # classes; with more, cells are too small for a number
TRAIN, VALIDATION = "#4477aa", "#ee6677"  # Paul Tol's bright scheme, distinct to the colour-blind

DRAWINGS = {
    "confusion_matrix": "kerasearch.models.pictures:draw_confusion_table",
    "roc": "kerasearch.models.class_pictures:draw_roc",
    "calibration": "kerasearch.models.class_pictures:draw_calibration",
    "predictions": "kerasearch.models.number_pictures:draw_predictions",
    "residuals": "kerasearch.models.number_pictures:draw_residuals",
    "row_errors": "kerasearch.models.number_pictures:draw_row_errors",
    "map": "kerasearch.models.map_pictures:draw_map",
    "forecast": "kerasearch.models.series_pictures:draw_forecast",
}
"""An evaluation's table to what draws it: `draw(table, path)` writes a PNG."""


def draw_table(name: str, table: Table, path: Path) -> None:
    """One of the tables of an `Evaluation` as PNG."""
    module, _, function = DRAWINGS[name].partition(":")
    getattr(import_module(module), function)(table, path)


def draw_confusion_table(table: Table, path: Path) -> None:
    draw_confusion_matrix(np.asarray(table["counts"]), table["classes"], path)


def draw_confusion_matrix(counts: Counts, classes: Sequence[str], path: Path) -> None:
    """Counts in the cells, coloured by their share of the true class; PNG.

    Args:
        counts: As `confusion_matrix` gives it.
        classes: Their names, in the order of their indices.
        path: Where to write it.
    """
    n = len(classes)
    cell = min(0.55, 16.0 / n)  # inches; with many classes cells shrink, the picture doesn't grow
    figure = Figure(figsize=(3.6 + cell * n, 3.0 + cell * n), layout="constrained")
    axes = figure.subplots()
    sizes = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(sizes, 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(n, n) if n <= MAX_COUNTED else ():
        colour = "white" if shares[row, column] > 0.55 else "#222222"
        weight = "bold" if row == column else "normal"
        axes.text(
            column,
            row,
            f"{counts[row, column]:d}",
            ha="center",
            va="center",
            color=colour,
            weight=weight,
            fontsize=16 * cell,
        )
    name_size = min(10, 24 * cell)
    names = [name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…" for name in classes]
    axes.set_xticks(range(n), names, parse_math=False, fontsize=name_size)
    axes.set_yticks(range(n), names, parse_math=False, fontsize=name_size)
    for name in axes.get_xticklabels():
        name.set(rotation=45, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(n - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(n - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.set(xlabel="predicted class", ylabel="true class")
    total = counts.sum()
    axes.set_title(
        f"{np.trace(counts):,} of {total:,} right ({np.trace(counts) / max(total, 1):.1%})"
    )
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, format="{x:.0%}")
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    figure.savefig(path, dpi=120, format="png", bbox_inches="tight")


def draw_curves(curves: Mapping[str, Sequence[float]], best_epoch: int, path: Path) -> None:
    """One panel a metric, train against validation by epoch, the best epoch marked; PNG.

    Args:
        curves: Metric to its value at each epoch; `val_` marks those of the validation part.
        best_epoch: From 1.
        path: Where to write it.
    """
    metrics = [name for name in curves if not name.startswith("val_")]
    figure = Figure(figsize=(5.0 * len(metrics), 3.8), layout="constrained")
    for axes, metric in zip(
        figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True
    ):
        for name, label, colour in (
            (metric, "train", TRAIN),
            (f"val_{metric}", "validation", VALIDATION),
        ):
            if name in curves:
                _draw_curve(axes, curves[name], best_epoch, label, colour)
        axes.axvline(best_epoch, color="#888888", linewidth=1, linestyle=":", zorder=0)
        axes.set(xlabel="epoch", title=metric)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False, title=f"dots: best epoch, {best_epoch}")
    finish(figure, figure.axes, path)


def finish(figure: Figure, panels: Sequence[Axes], path: Path) -> None:
    """A light grid, no box around it, and the file."""
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, format="png", bbox_inches="tight")


def _draw_curve(
    axes: Axes, values: Sequence[float], best_epoch: int, label: str, colour: str
) -> None:
    epochs = range(1, len(values) + 1)
    axes.plot(epochs, values, color=colour, linewidth=1.8, label=label)
    axes.plot(best_epoch, values[best_epoch - 1], "o", color=colour, markersize=6)
