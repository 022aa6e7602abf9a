"""What a training is given: rows, how long, and which epoch is the best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kerasearch.models.datasets.arrays import Features, Targets
from kerasearch.models.limits import NO_LIMITS, ModelLimits

Xla: TypeAlias = Literal["auto", True, False]
"""Whether XLA compiles epochs; `auto`: where it pays."""

ClassWeight: TypeAlias = Literal["balanced"] | Mapping[str, float]
"""What a class's rows count in the loss: the more the rarer it is, or so much by its name."""


@dataclass(frozen=True)
class EarlyStopping:
    """End a training after `patience` epochs that don't better `monitor` by over `min_delta`."""

    monitor: str = "val_loss"
    patience: int = 10
    min_delta: float = 0.0


@dataclass(frozen=True)
class TrainingPlan:
    """How long to train, and which epoch is the best.

    Attributes:
        epochs: At most; a parameter of that name goes before it.
        metric: What the best epoch is best in; the first one where several are.
        limits: What a model may cost to be trained at all.
        mixed_precision: Layers compute in half precision, but for the first and the last; weights
            and their updates are of single precision.
        xla: Of what is compiled whole. With `auto` the clock has a say in the last digits.
        class_weight: In the training loss of a classification, and in nothing else.
    """

    epochs: int
    metric: str = "val_accuracy"
    direction: Literal["maximize", "minimize"] = "maximize"
    early_stopping: EarlyStopping | None = EarlyStopping()
    limits: ModelLimits = NO_LIMITS
    mixed_precision: bool = False
    xla: Xla = False
    class_weight: ClassWeight | None = None


@dataclass(frozen=True)
class Parts:
    """The rows to train on and those to choose the best epoch by."""

    x_train: Features
    y_train: Targets
    x_validation: Features
    y_validation: Targets
