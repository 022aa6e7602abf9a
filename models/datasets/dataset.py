"""Rows, targets and names that a model is trained on."""

import hashlib
import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kerasearch.models.datasets.arrays import Features, Labels, Rows, Targets
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.info import Kind
from kerasearch.models.datasets.split import (
    Split,
    SplitFractions,
    fold_rows,
    resplit_rows,
    split_rows,
)
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces.parameters import Params


class Examples(NamedTuple):
    """What a model is given, and what it should answer.

    Attributes:
        x: First axis: the examples.
        y: As `Dataset.y`; where the task is reconstruction, `x`.
        labels: Of examples that are reconstructed or mapped, where any are known.
    """

    x: Features
    y: Targets
    labels: Labels | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset in memory. A kind whose examples depend on a trial's params has a subclass.

    Attributes:
        x: One row an example: tabular `(n, features)`, sequence `(n, steps, channels)`, image
            `(n, height, width, channels)`. A sequence that ends early has steps of `PADDING`.
        y: Index into `classes`: int64, shape `(n,)`, or `(n, steps)` for a class a step, `NO_LABEL`
            where the sequence has ended. Or numbers: float32, `(n,)` or `(n, k)`. Or None.
        classes: Names, in the order of their indices; empty where the target is no class.
        features: Names of the columns that `x` came from; empty where they have none.
    """

    kind: Kind
    x: Features
    y: Targets | None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def labels(self) -> Labels | None:
        """The class of each example, where it has one."""
        if self.y is not None and self.y.ndim == 1 and self.y.dtype == np.int64:
            return self.y.astype(np.int64, copy=False)
        return None

    def sha256(self) -> str:
        """Digest of everything in it, the same on every machine."""
        digest = hashlib.sha256()
        head: list[object] = [self.kind, self.x.shape, self.classes, self.features]
        if self.y is not None and self.labels is None:
            head.append([self.y.dtype.kind, self.y.shape])
        digest.update(json.dumps(head).encode())
        digest.update(np.ascontiguousarray(self.x, "<f4").data)
        if self.y is not None:
            digest.update(np.ascontiguousarray(self.y, f"<{self.y.dtype.str[1:]}").data)
        return digest.hexdigest()

    def chosen(self, choice: DataChoice) -> "Dataset":
        """What a job makes of a dataset that is loaded already: a built-in one."""
        return self

    def split(self, fractions: SplitFractions) -> Split:
        """Train, validation and test rows; stratified only where each has one class."""
        labels = self.labels
        return split_rows(
            np.zeros(len(self), np.int64) if labels is None else labels,
            validation=fractions.validation,
            test=fractions.test,
            stratify=fractions.stratify and labels is not None,
            seed=fractions.seed,
        )

    def resplit(self, pool: Rows, fractions: SplitFractions, seed: int) -> tuple[Rows, Rows]:
        """Split `pool`, all but the test rows, into train and validation, for a retraining."""
        labels = self.labels
        return resplit_rows(
            np.zeros(len(self), np.int64) if labels is None else labels,
            pool,
            validation=fractions.validation,
            stratify=fractions.stratify and labels is not None,
            seed=seed,
        )

    def folds(self, pool: Rows, fractions: SplitFractions, count: int) -> list[tuple[Rows, Rows]]:
        """Train and validation rows of each of `count` folds of `pool`, all but the test rows."""
        labels = self.labels
        return fold_rows(
            np.zeros(len(self), np.int64) if labels is None else labels,
            pool,
            folds=count,
            stratify=fractions.stratify and labels is not None,
            seed=fractions.seed,
        )

    def prepared(self, train: Rows, task: TaskName, params: Params) -> "Prepared":
        """The examples of one training; whatever is fitted to data is fitted to the rows `train`.

        Args:
            train: Of the split.
            task: What the model is trained for.
            params: The trial's, of which a kind may read some: the length of a window.
        """
        return Prepared(self, task)


@dataclass(frozen=True)
class Prepared:
    """A dataset made ready for one training."""

    dataset: Dataset
    task: TaskName

    def examples(self, rows: Rows) -> Examples:
        x, y = self.dataset.x[rows], self.dataset.y
        if self.task in ("reconstruction", "mapping"):
            labels = self.dataset.labels
            return Examples(x, x, None if labels is None else labels[rows])
        if y is None:
            raise ValueError(f"{self.task} needs a target; `usable` refuses a job without one")
        return Examples(x, y[rows])

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes

    @property
    def symbols(self) -> int:
        """Where `x` is codes: how many there may be, the last one for what is unknown; else 0."""
        return 0

    @property
    def streams(self) -> int | None:
        """Where examples come in streams: each continues the one that is so many before it."""
        return None

    @property
    def unscaled(self) -> tuple[int, ...]:
        """Features, by position, that scaling leaves alone."""
        return ()

    @property
    def description(self) -> dict[str, object]:
        """What a model's file says of the rows that it takes; JSON."""
        return {"kind": self.dataset.kind, "features": list(self.dataset.features)}
