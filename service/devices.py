"""GPUs of this machine, as NVIDIA's driver tells of them. The one importer of pynvml."""

import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import pynvml

MIB = 2**20


@dataclass(frozen=True)
class GPU:
    """A GPU.

    Attributes:
        uuid: By which CUDA_VISIBLE_DEVICES names it too, whatever order CUDA counts in.
    """

    index: int
    uuid: str
    name: str
    memory_mib: int

    def __str__(self) -> str:
        return f"{self.name} ({self.index})"


def find_gpus() -> tuple[GPU, ...]:
    """Those that CUDA_VISIBLE_DEVICES leaves to this service; none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        found = [_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(found)
    named = {name.strip() for name in visible.split(",")}
    return tuple(gpu for gpu in found if named & {gpu.uuid, str(gpu.index)})


@cache
def usable_gpus() -> tuple[GPU, ...]:
    """Those that the installed TensorFlow can train on: tensorflow-cpu on none."""
    try:
        version("tensorflow")
    except PackageNotFoundError:
        return ()
    return find_gpus()


def _gpu(index: int) -> GPU:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    return GPU(
        index,
        pynvml.nvmlDeviceGetUUID(handle),
        pynvml.nvmlDeviceGetName(handle),
        pynvml.nvmlDeviceGetMemoryInfo(handle).total // MIB,
    )
