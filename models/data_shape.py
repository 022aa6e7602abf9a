"""What a model must know of the data that it is built for."""

from dataclasses import dataclass

from kerasearch.models.datasets.scaling import Scaling
from kerasearch.models.tasks import TaskName


@dataclass(frozen=True)
class DataShape:
    """What a model must know of the data it is built for.

    Attributes:
        input_shape: Of one example, as in `Examples.x` without its first axis.
        classes: How many there are; 0 where the target is no class.
        scaling: Fitted on the training rows.
        task: What the model is trained for.
        target_shape: Of one example's target; `()` for a class.
        target_scaling: Fitted on the training rows' target where it is numbers, over its last axis.
            The model gives real units; its loss is counted in these.
        class_names: In the order of their indices.
        padded: Examples may end early: from there on every number of a step is `PADDING`.
        symbols: Where inputs are codes, how many; the last one is for what is unknown. Else 0.
        streams: Where states are kept from batch to batch, of how many rows a batch is: each row
            continues the one of the batch before.
    """

    input_shape: tuple[int, ...]
    classes: int
    scaling: Scaling
    task: TaskName = "classification"
    target_shape: tuple[int, ...] = ()
    target_scaling: Scaling | None = None
    class_names: tuple[str, ...] = ()
    padded: bool = False
    symbols: int = 0
    streams: int | None = None
