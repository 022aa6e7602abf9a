"""Shares of GPUs, and which GPU a trial gets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kerasearch.service.devices import GPU

WHOLE = 1.0 + 1e-9
"""Three thirds are one GPU."""


@dataclass(frozen=True)
class Share:
    """A part of a GPU, or all of it (1.0)."""

    gpu: GPU
    part: float


def free_gpu(gpus: Sequence[GPU], taken: Iterable[Share], part: float) -> GPU | None:
    """The GPU of which the least is taken, if that leaves room for this part."""
    used = dict.fromkeys(gpus, 0.0)
    for share in taken:
        used[share.gpu] += share.part
    gpu = min(gpus, key=lambda gpu: used[gpu], default=None)
    return gpu if gpu is not None and used[gpu] + part <= WHOLE else None
