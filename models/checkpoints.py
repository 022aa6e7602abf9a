"""A training as it stands after an epoch, from which it goes on as if it had never stopped.

The order of rows is a function of seed and epoch, and early stopping's state one of the curves: so
neither is part of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]  # Any: of whatever kind a variable is


@dataclass(frozen=True)
class Checkpoint:
    """What an interrupted training goes on from.

    Attributes:
        curves: Metric to its value at each epoch so far.
        best_epoch: Of those, from 1.
        best_weights: The model's weights after that epoch.
        state: Every variable of the model, the random seeds of its layers and the optimizer's
            included, after the last epoch.
    """

    curves: dict[str, list[float]]
    best_epoch: int
    best_weights: Arrays
    state: Arrays

    @property
    def epoch(self) -> int:
        """The last one that was trained."""
        return len(self.curves["loss"])


OfferCheckpoint = Callable[[Callable[[], Checkpoint]], None]
"""Called after each epoch that others follow, with what makes a checkpoint of it."""


def state_of(model: keras.Model) -> list[keras.Variable]:
    """What a model consists of in training: it was compiled, and its optimizer is built."""
    return [*model.variables, *model.optimizer.variables]


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """To an `.npz` file that holds no pickle."""
    arrays: dict[str, NDArray[Any]] = {"best_epoch": np.array(checkpoint.best_epoch)}
    arrays |= {f"curve {name}": np.array(curve) for name, curve in checkpoint.curves.items()}
    arrays |= _numbered("best", checkpoint.best_weights)
    arrays |= _numbered("state", checkpoint.state)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_checkpoint(path: Path) -> Checkpoint:
    """What `write_checkpoint` wrote there; its digest is for the caller to check."""
    with np.load(path, allow_pickle=False) as file:
        return Checkpoint(
            curves={
                name.removeprefix("curve "): file[name].tolist()
                for name in file.files
                if name.startswith("curve ")
            },
            best_epoch=int(file["best_epoch"]),
            best_weights=_in_order("best", file),
            state=_in_order("state", file),
        )


def _numbered(group: str, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{group} {index}": array for index, array in enumerate(arrays)}


def _in_order(group: str, file: Any) -> Arrays:  # Any: numpy's NpzFile
    count = sum(name.startswith(f"{group} ") for name in file.files)
    return [file[f"{group} {index}"] for index in range(count)]
