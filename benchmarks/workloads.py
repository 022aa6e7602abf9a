"""What `peers.py` and `time_to_quality.py` have everybody train: data, configurations, rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

from kerasearch.models.datasets import Dataset, load_builtin, split_rows
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces.parameters import Params, Value

SPLIT = {"validation": 0.2, "test": 0.2, "stratify": True, "seed": 0}
PATIENCE = 5
"""Of early stopping on the validation loss, for everybody."""


@dataclass(frozen=True)
class Workload:
    """Configurations of one model family on one dataset.

    Attributes:
        fixed: Parameters that all configurations share.
        varied: Parameter to its values; the configurations are all combinations.
        dataset: Built in; None is a generated table of 10,000 rows of 12 numbers, 4 classes.
    """

    family: str
    dataset: str | None
    fixed: Params
    varied: Mapping[str, tuple[Value, ...]]
    epochs: int

    def varied_in(self, count: int) -> Mapping[str, tuple[Value, ...]]:
        """`varied` with as many values of the first parameter as make `count` configurations."""
        name, *others = self.varied
        each = int(np.prod([len(self.varied[other]) for other in others]))
        if count % each or not each <= count <= each * len(self.varied[name]):
            raise ValueError(f"{each} to {each * len(self.varied[name])} by {each}, not {count}")
        return {**self.varied, name: self.varied[name][: count // each]}

    def configurations(self, count: int) -> list[Params]:
        varied = self.varied_in(count)
        combined = product(*varied.values())
        return [{**self.fixed, **dict(zip(varied, values, strict=True))} for values in combined]

    def load(self) -> Dataset:
        return load_builtin(self.dataset) if self.dataset else generated_table()


WORKLOADS = {
    "lstm": Workload(
        "recurrent",
        "epidemic-curves",
        {
            "cell": "lstm",
            "layers": 1,
            "bidirectional": False,
            "second_layer": "one",
            "dropout": 0.1,
            "recurrent_dropout": 0.0,
            "recurrent_initializer": "orthogonal",
            "optimizer": "adam",
        },
        {"units": (10, 20, 50), "batch_size": (64, 128), "learning_rate": (1e-3, 1e-2)},
        epochs=10,
    ),
    "mlp": Workload(
        "mlp",
        None,
        {
            "layers": 2,
            "units_2": 32,
            "activation": "relu",
            "batch_norm": False,
            "input_dropout": 0.0,
            "dropout": 0.1,
            "regularization": "none",
            "optimizer": "adam",
        },
        {"units_1": (32, 64, 128), "batch_size": (32, 64), "learning_rate": (1e-3, 3e-3)},
        epochs=20,
    ),
    "cnn": Workload(
        "cnn",
        "digits",
        {
            "blocks": 2,
            "kernel_size": 3,
            "pooling": "max",
            "batch_norm": False,
            "dense_units": 64,
            "dropout": 0.2,
            "augmentation": False,
            "optimizer": "adam",
        },
        {"filters": (8, 16, 32), "batch_size": (32, 64), "learning_rate": (1e-3, 3e-3)},
        epochs=15,
    ),
}


def data_of(dataset: Dataset) -> TrainingData:
    """The rows that a job with `SPLIT` trains and validates on, and their scaling."""
    split = split_rows(dataset.y, **SPLIT)
    return training_data(
        dataset,
        split.train,
        split.validation,
        task="classification",
        scale="standard",
        params={},
    )


def write_csv(dataset: Dataset, path: Path) -> None:
    """A table as a person would upload it."""
    header = ",".join([*(f"x{i}" for i in range(dataset.x.shape[1])), "label"])
    lines = [
        ",".join(map(str, [*x, f"class{y}"])) for x, y in zip(dataset.x, dataset.y, strict=True)
    ]
    path.write_text("\n".join([header, *lines]) + "\n")


def generated_table() -> Dataset:
    x, y = make_classification(
        10_000, 12, n_informative=8, n_classes=4, flip_y=0.02, random_state=0
    )
    names = tuple(f"class{i}" for i in range(4))
    # Rounded, so that a file of them holds exactly these numbers.
    return Dataset("tabular", x.round(4).astype(np.float32), y.astype(np.int64), names)
