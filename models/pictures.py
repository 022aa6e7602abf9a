"""Pictures of what a model's evaluation found."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasearch.models.evaluation import Table

TRAIN, VALIDATION = "#4477aa", "#ee6677"  # Paul Tol's bright scheme, distinct to the colour-blind

DRAWINGS = {
    "confusion_matrix": "kerasearch.models.quick_pictures:draw_confusion_table",
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


def finish(figure: Figure, panels: Sequence[Axes], path: Path) -> None:
    """A light grid, no box around it, and the file."""
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, format="png", bbox_inches="tight")
