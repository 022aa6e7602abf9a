"""The device of a trial process, and the memory that a trial takes of it."""

import os
import re
from pathlib import Path

import tensorflow as tf

from kerasearch.service.executors.gpu_shares import Share

MIB = 2**20
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def keep_to(share: Share | None) -> str:
    """Have TensorFlow see this GPU alone, or none, before its first op; the device's name.

    Of a whole GPU it takes memory as it needs it, of a part no more than that part.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if share is None else share.gpu.uuid
    gpus = tf.config.list_physical_devices("GPU") if share else []
    tf.config.set_visible_devices(gpus, "GPU")
    if share is None or not gpus:
        return "cpu"
    if share.part >= 1:
        tf.config.experimental.set_memory_growth(gpus[0], True)
    else:
        limit = tf.config.LogicalDeviceConfiguration(int(share.part * share.gpu.memory_mib))
        tf.config.set_logical_device_configuration(gpus[0], [limit])
    return str(share.gpu)


def forget_peak() -> None:
    """The peak counts from now on, where the system lets it."""
    if tf.config.get_visible_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")
    else:
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:  # not Linux: the peak is that of the process
            return


def peak_mib() -> float | None:
    """Most memory that was taken of the device: of the GPU, or by this process; None: unknown."""
    if tf.config.get_visible_devices("GPU"):
        return float(tf.config.experimental.get_memory_info("GPU:0")["peak"]) / MIB
    try:
        found = _PEAK.search(Path("/proc/self/status").read_text())
    except OSError:  # not Linux
        return None
    return int(found[1]) / 1024 if found else None
