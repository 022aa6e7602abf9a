"""Pictures of forecasts."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kerasearch.models.evaluation import Table
from kerasearch.models.pictures import TRAIN, VALIDATION, finish


def draw_forecast(table: Table, path: Path) -> None:
    """Forecast one step ahead against what came, step after step; errors where there are more."""
    ahead = np.arange(1, len(table["rmse"]) + 1)
    panels = 2 if len(ahead) > 1 else 1
    figure = Figure(figsize=(9.0, 3.8 * panels), layout="constrained")
    axes = figure.subplots(panels, 1, squeeze=False)[:, 0]
    axes[0].plot(table["actual"], color="#222222", linewidth=1.2, label="actual")
    axes[0].plot(table["forecast"], color=VALIDATION, linewidth=1.2, label="forecast")
    axes[0].set(
        xlabel="step",
        title=f"one step ahead: RMSE {table['rmse'][0]:.4g}, "
        f"of the last value {table['naive_rmse'][0]:.4g}",
    )
    axes[0].legend(frameon=False)
    if panels == 2:
        axes[1].plot(ahead, table["rmse"], "o-", color=TRAIN, label="forecast")
        axes[1].plot(ahead, table["naive_rmse"], "o-", color="#888888", label="last value")
        axes[1].set(xlabel="steps ahead", ylabel="RMSE")
        axes[1].legend(frameon=False)
    finish(figure, list(axes), path)
