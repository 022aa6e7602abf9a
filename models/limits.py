"""The limits that a job sets to its models, held before one is built."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from kerasearch.models.cost import flops, memory_mib
from kerasearch.models.infeasible import InfeasibleError


@dataclass(frozen=True)
class ModelLimits:
    """The most that a model may cost, counted as `cost` does; None is no limit."""

    parameters: int | None = None
    flops: int | None = None
    memory_mib: float | None = None


NO_LIMITS = ModelLimits()


def keep_limits(sketch: keras.Model, limits: ModelLimits, batch_size: int) -> None:
    """Refuse a model that costs more, by the first limit that it passes.

    Raises:
        InfeasibleError: With the cost and the limit.
    """
    counts: dict[str, tuple[Callable[[], float], str]] = {
        "parameters": (sketch.count_params, "parameters"),
        "flops": (lambda: flops(sketch), "FLOPs an example"),
        "memory_mib": (lambda: memory_mib(sketch, batch_size), "MiB of memory in training"),
    }
    for name, (count, unit) in counts.items():
        limit = getattr(limits, name)
        if limit is not None and (needed := count()) > limit:
            raise InfeasibleError(
                f"a model of {_shown(needed)} {unit} is over the limit of {_shown(limit)} "
                f"that the job sets: limits.{name}"
            )


def _shown(number: float) -> str:
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.1f}" if number >= 10 else f"{number:.3g}"
