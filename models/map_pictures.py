"""The picture of a self-organizing map."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerasearch.models.evaluation import Table
from kerasearch.models.pictures import TRAIN, VALIDATION


def draw_map(table: Table, path: Path) -> None:
    """How far cells are from those beside them, how much each wins, and which are outliers."""
    gaps, wins = np.asarray(table["neighbour_distance"]), np.asarray(table["wins"])
    rows, columns = gaps.shape
    figure = Figure(figsize=(2.4 + 0.35 * columns, 1.6 + 0.35 * rows), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(gaps, cmap="Greys")
    places = np.argwhere(wins > 0)
    sizes = 90 * wins[wins > 0] / max(wins.max(), 1)
    axes.scatter(places[:, 1], places[:, 0], sizes, color=TRAIN, label="rows won")
    for outlier in table["outliers"]:
        axes.plot(
            outlier["column"], outlier["row"], "o", color=VALIDATION, ms=13, mew=2, mfc="none"
        )
    axes.set(
        xlabel="column",
        ylabel="row",
        title=f"{wins.sum():,} rows in {len(places)} of {wins.size} cells\n"
        f"{len(table['outliers'])} outlying cells, ringed",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("mean distance to the cells beside it")
    bar.outline.set_visible(False)
    figure.savefig(path, dpi=120, format="png", bbox_inches="tight")
