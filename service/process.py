"""What every child of the supervisor does first: not outlive it, and say where it is."""

import ctypes
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent is gone, however that went.

    Linux only, and not inherited by children; elsewhere only an orderly stop leaves nothing behind.

    Args:
        parent: Process that should be the parent; another one means that it is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        sys.exit("the supervisor is gone")


def die_first_of_memory() -> None:
    """Have the kernel end this process, and no other part, when the machine's memory is used up."""
    with suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text("500")


def stop_on_sigterm() -> threading.Event:
    """An event that SIGTERM or SIGINT sets; call it from the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what native code writes to stderr; Python's own exceptions are shown after the block."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def log_to_stderr(role: str) -> None:
    logging.basicConfig(
        level=logging.WARNING,
        format=f"%(asctime)s {role:9} %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("kerasearch").setLevel(logging.INFO)


@dataclass(frozen=True)
class Pulse:
    """The last sign of life of a part."""

    state: str
    age_s: float
    pid: int


def beat(run_dir: Path, role: str, state: str) -> None:
    """Leave a sign of life that `pulse` reads; no fsync, since it is worthless after a crash."""
    path = run_dir / f"{role}.json"
    temporary = run_dir / f".{role}.json"
    said = json.dumps({"state": state, "pid": os.getpid(), "at": time.monotonic()})
    with suppress(OSError):  # a full disk makes a part silent, and doesn't end it
        temporary.write_text(said)
        temporary.replace(path)


def pulse(run_dir: Path, role: str) -> Pulse | None:
    try:
        said = json.loads((run_dir / f"{role}.json").read_text())
    except FileNotFoundError:
        return None
    return Pulse(said["state"], time.monotonic() - said["at"], said["pid"])
