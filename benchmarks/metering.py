"""What a tree of processes takes: processor time and memory, ended ones included."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

SAMPLE_S = 0.5
MIB = 2**20


@dataclass
class Meter:
    """What trees have taken since it began to run.

    Attributes:
        peak_mib: Of memory at once, pages that processes share counted once.
    """

    pids: list[int]
    begun_cpu_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0

    def look(self) -> None:
        self.cpu_s = max(self.cpu_s, cpu_seconds(self.pids) - self.begun_cpu_s)
        mib = 0.0
        for process in tree(self.pids):
            with suppress(psutil.Error):
                mib += process.memory_full_info().pss / MIB
        self.peak_mib = max(self.peak_mib, mib)


@contextmanager
def metered(pids: list[int]) -> Iterator[Meter]:
    """A meter of these processes and all below them, which runs during the block."""
    meter = Meter(pids, begun_cpu_s=cpu_seconds(pids))
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_S):
            meter.look()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield meter
        meter.look()
    finally:
        stop.set()
        thread.join()


def cpu_seconds(pids: list[int]) -> float:
    """Of the trees so far; a process that was waited for counts with its parent."""
    total = 0.0
    for process in tree(pids):
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def tree(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found
