"""Pictures of how well a model tells one class from another."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasearch.models.evaluation import Table
from kerasearch.models.pictures import TRAIN, finish


def draw_ideal(axes: Axes, start: float, end: float) -> None:
    """The diagonal that a perfect model's points lie on, or chance's."""
    axes.plot([start, end], [start, end], color="#888888", linewidth=1, linestyle=":", zorder=0)


def draw_roc(table: Table, path: Path) -> None:
    """True against false positives; the diagonal is chance."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(table["false_positive_rate"], table["true_positive_rate"], color=TRAIN)
    draw_ideal(axes, 0, 1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.set_title(f"ROC, positive: {table['positive']}", parse_math=False)
    finish(figure, [axes], path)


def draw_calibration(table: Table, path: Path) -> None:
    """How often what is predicted with a probability comes true; the diagonal is perfect."""
    figure = Figure(figsize=(4.6, 5.2), layout="constrained")
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot(table["predicted"], table["observed"], "o-", color=TRAIN)
    draw_ideal(axes, 0, 1)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is so")
    axes.set_title(f"Calibration, positive: {table['positive']}", parse_math=False)
    counts.bar(table["predicted"], table["rows"], width=0.05, color=TRAIN)
    counts.set(xlabel="predicted probability", ylabel="rows")
    finish(figure, [axes, counts], path)
