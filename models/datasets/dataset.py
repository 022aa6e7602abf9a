"""Rows, labels and names that a model is trained on."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.info import Kind

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """A classification dataset in memory.

    Attributes:
        x: One row an example: tabular `(n, features)`, sequence `(n, steps, channels)`, image
            `(n, height, width, channels)`.
        y: Index into `classes`, shape `(n,)`.
        classes: Names, in the order of their indices.
        features: Names of the columns that `x` came from; empty where they have none.
    """

    kind: Kind
    x: Features
    y: Labels
    classes: tuple[str, ...]
    features: tuple[str, ...] = ()

    def sha256(self) -> str:
        """Digest of everything in it, the same on every machine."""
        digest = hashlib.sha256()
        head = [self.kind, self.x.shape, self.classes, self.features]
        digest.update(json.dumps(head).encode())
        digest.update(np.ascontiguousarray(self.x, "<f4").data)
        digest.update(np.ascontiguousarray(self.y, "<i8").data)
        return digest.hexdigest()
