"""A training as it stands after an epoch, from which it goes on as if it had never stopped.

The order of rows is a function of seed and epoch, and early stopping's state one of the curves: so
neither is part of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]  # Any: of whatever kind a variable is

_BEST_EPOCH = "best epoch of "


@dataclass(frozen=True)
class Checkpoint:
    """What an interrupted training goes on from.

    Attributes:
        curves: Metric to its value at each epoch so far.
        best_epoch: Of those, from 1.
        best_weights: The model's weights after that epoch.
        state: Every variable of the model, the random seeds of its layers and the optimizer's
            included, after the last epoch; none where no epoch is to follow.
        vanished: Epochs so far after which hardly any gradient had reached the first layer.
    """

    curves: dict[str, list[float]]
    best_epoch: int
    best_weights: Arrays
    state: Arrays
    vanished: tuple[int, ...] = ()

    @property
    def epoch(self) -> int:
        """The last one that was trained."""
        return len(self.curves["loss"])

    @property
    def is_last(self) -> bool:
        """Whether the training had ended."""
        return not self.state


OfferCheckpoint = Callable[[Callable[[], Checkpoint]], None]
"""Called after each epoch that others follow, with what makes a checkpoint of it."""


def state_of(model: keras.Model) -> list[keras.Variable]:
    """What a model consists of in training: it was compiled, and its optimizer is built."""
    return [*model.variables, *model.optimizer.variables]


def write_checkpoints(checkpoints: Mapping[str, Checkpoint], note: str, path: Path) -> None:
    """To an `.npz` file that holds no pickle; their names begin those of its arrays."""
    arrays: dict[str, NDArray[Any]] = {"note": np.array(note)}
    for name, checkpoint in checkpoints.items():
        arrays[f"{_BEST_EPOCH}{name}"] = np.array(checkpoint.best_epoch)
        for metric, curve in checkpoint.curves.items():
            arrays[f"{name} curve {metric}"] = np.array(curve)
        arrays |= _numbered(f"{name} best", checkpoint.best_weights)
        arrays |= _numbered(f"{name} state", checkpoint.state)
        arrays[f"{name} vanished"] = np.array(checkpoint.vanished, np.int64)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_checkpoints(path: Path) -> tuple[dict[str, Checkpoint], str]:
    """What `write_checkpoints` wrote there; its digest is for the caller to check."""
    with np.load(path, allow_pickle=False) as file:
        names = [key.removeprefix(_BEST_EPOCH) for key in file.files if key.startswith(_BEST_EPOCH)]
        return {name: _checkpoint(name, file) for name in names}, str(file["note"])


def _checkpoint(name: str, file: Any) -> Checkpoint:  # Any: numpy's NpzFile
    curve = f"{name} curve "
    return Checkpoint(
        curves={
            key.removeprefix(curve): file[key].tolist()
            for key in file.files
            if key.startswith(curve)
        },
        best_epoch=int(file[f"{_BEST_EPOCH}{name}"]),
        best_weights=_in_order(f"{name} best", file),
        state=_in_order(f"{name} state", file),
        vanished=tuple(file[f"{name} vanished"].tolist()),
    )


def _numbered(group: str, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{group} {index}": array for index, array in enumerate(arrays)}


def _in_order(group: str, file: Any) -> Arrays:
    count = sum(name.startswith(f"{group} ") for name in file.files)
    return [file[f"{group} {index}"] for index in range(count)]
