"""Pictures of a study, by Optuna's matplotlib plots."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # before pyplot, which Optuna draws with, looks for a display

import numpy as np
import optuna
from matplotlib import pyplot as plt
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState
from optuna.visualization.matplotlib import (
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_pareto_front,
    plot_slice,
)

from kerasearch.models.quick_pictures import PNG_LEVEL
from kerasearch.service.analysis import IMPORTANCES
from kerasearch.service.files import write_json, written_whole
from kerasearch.service.sampling.display import of_first_objective

MAX_PARAMETERS = 8  # side by side in one picture, the most important ones

FEW_TRIALS = "Some regimes for parameter"  # Optuna's warning that an importance is early yet

Draw = Callable[[], Any]  # an Axes, or an array of them


def draw_study(
    study: optuna.Study, folder: Path, objectives: Sequence[str] = ("objective",)
) -> list[Path]:
    """Writes the pictures that can be drawn of a study by now, and says which.

    None before two trials are complete; of parameters, only those in which complete trials differ;
    importances, only where some trials stand out. Of several objectives all is of the first one,
    and of two or three `pareto_front.png` beside it.

    Args:
        study: In values that a person reads, such as `JobStudy.study`.
        folder: The pictures are `optimization_history.png`, `importances.png`,
            `parallel_coordinates.png` and `slices.png`; beside them lies `importances.json`.
        objectives: The metrics' names, on the axes.
    """
    if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < 2:
        return []
    drawn = _pareto_front(study, folder, objectives)
    study, objective = of_first_objective(study), objectives[0]
    drawn.append(
        _save(
            folder / "optimization_history.png",
            lambda: plot_optimization_history(study, target_name=objective),
            inches=(9, 4.5),
        )
    )
    if not (names := _varied(study)):
        return drawn
    if importances := _importances(study, names):
        names = list(importances)
        write_json(folder / IMPORTANCES, importances)
        drawn.append(
            _save(
                folder / "importances.png",
                lambda: plot_param_importances(study, params=names, target_name=objective),
                inches=(9, 1.5 + 0.4 * len(names)),
            )
        )
    shown = names[:MAX_PARAMETERS]
    return [
        *drawn,
        _save(
            folder / "parallel_coordinates.png",
            lambda: plot_parallel_coordinate(study, shown, target_name=objective),
            inches=(4 + 1.5 * len(shown), 5),
        ),
        _save(
            folder / "slices.png",
            lambda: plot_slice(study, shown, target_name=objective),
            inches=(6, 4.5),  # Optuna takes half the width for each parameter
        ),
    ]


def _pareto_front(study: optuna.Study, folder: Path, objectives: Sequence[str]) -> list[Path]:
    if len(study.directions) not in (2, 3):
        return []
    path = folder / "pareto_front.png"
    return [
        _save(path, lambda: plot_pareto_front(study, target_names=[*objectives]), inches=(6, 5))
    ]


def _varied(study: optuna.Study) -> list[str]:
    """Parameters of which complete trials have at least two values."""
    values: dict[str, set[Any]] = {}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(value)
    return sorted(name for name, seen in values.items() if len(seen) > 1)


def _importances(study: optuna.Study, names: list[str]) -> dict[str, float]:
    """The most important first; empty while too many trials are equally good to tell."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", FEW_TRIALS, UserWarning)
        warnings.filterwarnings("error", "Target and region quantiles select the same", UserWarning)
        try:
            return optuna.importance.get_param_importances(study, params=names)
        except UserWarning:
            return {}


def _save(path: Path, draw: Draw, inches: tuple[float, float]) -> Path:
    with mpl.rc_context({"figure.figsize": inches}), warnings.catch_warnings():
        # Optuna sets a style for the whole process, which the context undoes.
        warnings.simplefilter("ignore", ExperimentalWarning)  # all its matplotlib plots are
        warnings.filterwarnings("ignore", FEW_TRIALS, UserWarning)
        figure = np.ravel(draw())[0].figure
        try:
            with written_whole(path) as temporary:
                figure.savefig(
                    temporary,
                    dpi=110,
                    bbox_inches="tight",
                    pil_kwargs={"compress_level": PNG_LEVEL},
                )
        finally:
            plt.close(figure)
    return path
