"""How many trial processes of how many threads train the most on this machine: measured once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from kerasearch.service.errors import CannotServe
from kerasearch.service.files import write_json
from kerasearch.service.memory import memory_bytes

MEASURED_S = 4.0
PROCESS_BYTES = 1 << 30
"""That a trial process may come to; fewer are tried where there is less memory."""

FILE = "workers.json"


class _Probe(NamedTuple):
    stdin: IO[str]
    stdout: IO[str]


class Split(BaseModel):
    """What was measured.

    Attributes:
        cores: Of the machine that it holds for.
        workers: Processes of the best split; each takes `cores // workers` threads.
        epochs_a_second: Of all processes together, by how many they are.
    """

    model_config = ConfigDict(frozen=True)

    cores: int
    workers: int
    epochs_a_second: dict[int, float]


def best_split(data_dir: Path) -> Split:
    """The remembered one, or else measured now, in half a minute on two cores."""
    if (split := remembered_split(data_dir)) is not None:
        return split
    cores = len(os.sched_getaffinity(0))
    room = max(1, memory_bytes() // PROCESS_BYTES)
    measured = {workers: _measure(workers, cores // workers) for workers in _counts(cores, room)}
    best = max(measured, key=lambda workers: measured[workers])
    split = Split(cores=cores, workers=best, epochs_a_second=measured)
    write_json(data_dir / FILE, split.model_dump())
    return split


def remembered_split(data_dir: Path) -> Split | None:
    """None where none was measured, or on a machine of other cores."""
    try:
        split = Split.model_validate(json.loads((data_dir / FILE).read_text()))
    except (OSError, ValueError, ValidationError):
        return None
    return split if split.cores == len(os.sched_getaffinity(0)) else None


def _counts(cores: int, room: int) -> Iterator[int]:
    """A process a core, then half as many of twice the threads, and so on."""
    threads = 1
    while threads <= cores:
        if cores // threads <= room or threads * 2 > cores:
            yield min(cores // threads, room)
        threads *= 2


def _measure(workers: int, threads: int) -> float:
    """Epochs a second of so many processes that train at once."""
    command = [
        sys.executable,
        "-m",
        "kerasearch.service.split_probe",
        f"{threads}",
        f"{MEASURED_S}",
    ]
    with ExitStack() as stack:
        probes = [stack.enter_context(_probe(command)) for _ in range(workers)]
        for probe in probes:
            if probe.stdout.readline() != "ready\n":
                raise CannotServe(
                    f"{' '.join(command)} ended at its start: give --workers a number"
                )
        for probe in probes:
            probe.stdin.write("\n")
            probe.stdin.flush()
        return sum(int(probe.stdout.readline()) for probe in probes) / MEASURED_S


@contextmanager
def _probe(command: list[str]) -> Iterator[_Probe]:
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - pipes
    try:
        yield _Probe(process.stdin, process.stdout)
    finally:
        process.kill()
        process.communicate()
