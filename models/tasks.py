"""What models are trained for, and by which numbers each task is judged. No keras."""

from dataclasses import dataclass
from typing import Literal

TaskName = Literal[
    "classification",
    "regression",
    "step_labelling",
    "forecasting",
    "reconstruction",
    "rating_prediction",
    "mapping",
]

Direction = Literal["maximize", "minimize"]

DIRECTIONS: dict[str, Direction] = {
    "loss": "minimize",
    "accuracy": "maximize",
    "precision": "maximize",
    "recall": "maximize",
    "auc": "maximize",
    "perplexity": "minimize",
    "mae": "minimize",
    "rmse": "minimize",
    "r2": "maximize",
    "quantization_error": "minimize",
    "topographic_error": "minimize",
}
"""Every metric, and which way is better; a metric means the same in every task."""

RATES = frozenset({"accuracy", "precision", "recall", "auc", "topographic_error"})
"""Metrics that lie in [0, 1]."""


@dataclass(frozen=True)
class Task:
    """What a model is trained for.

    Attributes:
        metrics: That a search may optimize and early stopping watch, the first where nothing is
            said; `val_` before them is the validation part.
        watched: Of these, what every training reports each epoch. The others are only where they
            are asked for, and once of the best epoch: each costs a step of every batch.
        binary_metrics: More of them where there are two classes.
        needs_target: It learns a target; else the rows alone.
    """

    name: TaskName
    description: str
    metrics: tuple[str, ...]
    watched: tuple[str, ...]
    binary_metrics: tuple[str, ...] = ()
    needs_target: bool = True

    @property
    def objective(self) -> str:
        return f"val_{self.metrics[0]}"

    @property
    def monitor(self) -> str:
        """What early stopping watches where nothing is said."""
        return "val_loss" if "loss" in self.metrics else self.objective

    @property
    def headline(self) -> str:
        """By which a single number tells how good a model is."""
        return self.metrics[0]

    def objectives(self, classes: int) -> dict[str, Direction]:
        """What a search may optimize where there are so many classes (0: none)."""
        names = (*self.metrics, *(self.binary_metrics if classes == 2 else ()))
        return {f"val_{name}": DIRECTIONS[name] for name in names}


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "classification",
            "one class an example",
            metrics=("accuracy", "loss"),
            watched=("accuracy",),
            binary_metrics=("auc", "precision", "recall", "mae"),
        ),
        Task(
            "step_labelling",
            "one class a step",
            metrics=("accuracy", "loss", "perplexity"),
            watched=("accuracy",),
        ),
        Task(
            "regression",
            "one or more numbers an example",
            # Unlike the loss, no weight penalty is part of these.
            metrics=("rmse", "mae", "r2", "loss"),
            watched=("rmse", "mae"),
        ),
        Task(
            "forecasting",
            "the next steps of a series",
            # Unlike the loss, no weight penalty is part of these.
            metrics=("rmse", "mae", "r2", "loss"),
            watched=("rmse", "mae"),
        ),
        Task(
            "reconstruction",
            "the example itself, from less of it",
            metrics=("rmse", "mae", "loss"),
            watched=("rmse", "mae"),
            needs_target=False,
        ),
        Task(
            "rating_prediction",
            "what a user would give an item",
            metrics=("rmse", "mae", "loss"),
            watched=("rmse",),
        ),
        Task(
            "mapping",
            "a map on which like examples are near each other",
            metrics=("quantization_error", "topographic_error"),
            watched=("quantization_error",),
            needs_target=False,
        ),
    )
}


OF_ROWS_ALONE = tuple(task.name for task in TASKS.values() if not task.needs_target)
"""Tasks that any target, or none, is fit for."""


def direction_of(metric: str) -> Direction:
    """Which way is better, of the train part's metric or, with `val_` before it, validation's."""
    return DIRECTIONS[metric.removeprefix("val_")]
