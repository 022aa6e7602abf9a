"""A dataset cut and scaled for one training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.arrays import Features, Rows
from kerasearch.models.datasets.dataset import Dataset, Examples, Prepared
from kerasearch.models.datasets.padding import has_padding
from kerasearch.models.datasets.ratings import SparseRows
from kerasearch.models.datasets.scaling import (
    Scaling,
    ScalingMethod,
    fit_scaling,
    fit_target_scaling,
)
from kerasearch.models.datasets.timeline import CannotCut
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.plan import Parts
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Value

SAMPLE_ROWS = 1024
SAMPLE_BYTES = 64 << 20
"""Of what scaling is fitted to where not all is in memory; fitting takes five times as much."""


@dataclass(frozen=True)
class TrainingData:
    """The examples of one training, and what its model must know of them."""

    prepared: Prepared
    shape: DataShape
    train: Examples
    validation: Examples

    @property
    def parts(self) -> Parts:
        return Parts(self.train.x, self.train.y, self.validation.x, self.validation.y)


def training_data(
    dataset: Dataset,
    train: Rows,
    validation: Rows,
    *,
    task: TaskName,
    scale: ScalingMethod,
    params: Mapping[str, Value],
) -> TrainingData:
    """Prepare and scale by the rows `train` alone.

    Args:
        dataset: Whole.
        train: Rows of its split.
        validation: Rows of its split.
        task: What the model is trained for.
        scale: Of the features.
        params: The trial's.

    Raises:
        InfeasibleError: These params can't cut the data into windows.
    """
    try:
        prepared = dataset.prepared(train, task, dict(params))
        seen, held_out = prepared.examples(train), prepared.examples(validation)
    except CannotCut as error:
        raise InfeasibleError(str(error)) from error
    scaling = _sparing(fit_scaling(_sample(seen.x), scale, dataset.kind), prepared.unscaled)
    shape = DataShape(
        input_shape=seen.x.shape[1:],
        classes=len(prepared.classes),
        scaling=scaling,
        task=task,
        target_shape=seen.y.shape[1:],
        target_scaling=_target_scaling(seen, scaling, task),
        class_names=prepared.classes,
        padded=dataset.kind == "sequence" and has_padding(dataset.x),
        symbols=prepared.symbols,
        streams=prepared.streams,
    )
    return TrainingData(prepared, shape, seen, held_out)


def _sample(x: Features) -> Features:
    """What scaling is fitted to: all rows, or as many of them as fit into memory, spread evenly."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, SparseRows):
        return x.known[:, np.newaxis]
    rows = min(SAMPLE_ROWS, len(x), max(1, SAMPLE_BYTES // x[:1].nbytes))
    return x[np.linspace(0, len(x) - 1, rows).astype(np.int64)]


def _sparing(scaling: Scaling, features: tuple[int, ...]) -> Scaling:
    if not features:
        return scaling
    offset, scale = scaling.offset.copy(), scaling.scale.copy()
    offset[list(features)], scale[list(features)] = 0, 1
    return Scaling(offset, scale)


def _target_scaling(seen: Examples, scaling: Scaling, task: TaskName) -> Scaling | None:
    if task in ("reconstruction", "rating_prediction"):
        return scaling
    if seen.y.dtype.kind != "f":
        return None
    return fit_target_scaling(seen.y.astype(np.float32, copy=False))
