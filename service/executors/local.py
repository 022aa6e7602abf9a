"""Trial processes on this machine, forked from a forkserver that has imported keras and run no op.

A process trains trial after trial. It is replaced after a failure, after a number of trials, and
when its memory has grown past a limit: only the end of a process gives TensorFlow's memory back.
"""

import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from kerasearch.service.executors import Ended
from kerasearch.service.settings import Settings
from kerasearch.service.store.leases import Lease

WORKER = "kerasearch.service.worker"
PRELOAD = ["kerasearch.service.forkserver", WORKER]

FORK_TRIES = 5
FORK_PAUSE_S = 0.2

TERM_S = 1.0
"""Between SIGTERM and SIGKILL: the scheduler waits for it."""


@dataclass
class _Slot:
    process: ForkServerProcess
    pipe: "Connection[Lease | None, bool]"
    lease: Lease | None = None


class LocalExecutor:
    """Runs leases in at most `settings.slots` processes."""

    def __init__(self, settings: Settings, threads: int) -> None:
        self._settings = settings
        self._threads = threads
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        self._slots: list[_Slot] = []

    def start(self) -> None:
        """Fork a process for every slot; the first one waits for the imports, about 7 s."""
        while len(self._slots) < self._settings.slots:
            self._slots.append(self._fork())

    @property
    def free(self) -> int:
        return sum(slot.lease is None for slot in self._slots)

    @property
    def leases(self) -> list[Lease]:
        return [slot.lease for slot in self._slots if slot.lease is not None]

    def place(self, lease: Lease) -> None:
        """Raises RuntimeError when no slot is free."""
        slot = next((slot for slot in self._slots if slot.lease is None), None)
        if slot is None:
            raise RuntimeError("no slot is free")
        slot.lease = lease
        with suppress(BrokenPipeError):  # it died since: `wait` will say so
            slot.pipe.send(lease)

    def wait(self, timeout_s: float) -> list[Ended]:
        """Leases that ended, after at most `timeout_s`; dead processes are replaced."""
        ready = wait(
            [slot.pipe for slot in self._slots] + [slot.process.sentinel for slot in self._slots],
            timeout_s,
        )
        ended = []
        for slot in list(self._slots):
            if slot.pipe not in ready and slot.process.sentinel not in ready:
                continue
            lease = slot.lease
            try:
                goes_on = slot.pipe.recv()
                reason = None
                slot.lease = None
            except (EOFError, ConnectionResetError):
                goes_on = False
                reason = _obituary(slot.process)
            if not goes_on:
                self._replace(slot)
            if lease is not None:
                ended.append(Ended(lease, reason))
        return ended

    def kill(self, lease: Lease) -> None:
        """End the process that runs this lease, if any, and put a fresh one in its slot."""
        for slot in list(self._slots):
            if slot.lease == lease:
                slot.process.terminate()
                slot.process.join(TERM_S)
                slot.process.kill()
                self._replace(slot)

    def close(self) -> None:
        for slot in self._slots:
            slot.process.kill()
        for slot in self._slots:
            slot.process.join()
        self._slots.clear()

    def _fork(self) -> _Slot:
        for _ in range(FORK_TRIES):
            ours, theirs = self._context.Pipe()
            # A string, not the function: importing the worker would bring keras into this process.
            process = self._context.Process(
                target=_run_worker, args=(theirs, self._settings, self._threads), daemon=True
            )
            try:
                process.start()
            except (EOFError, OSError):  # the forkserver was killed; a start makes another
                ours.close()
                time.sleep(FORK_PAUSE_S)
                continue
            finally:
                theirs.close()
            return _Slot(process, ours)
        raise RuntimeError(f"the forkserver died {FORK_TRIES} times")

    def _replace(self, slot: _Slot) -> None:
        slot.pipe.close()
        slot.process.join()
        self._slots[self._slots.index(slot)] = self._fork()


def _run_worker(pipe: "Connection[bool, Lease | None]", settings: Settings, threads: int) -> None:
    from importlib import import_module

    import_module(WORKER).work(pipe, settings, threads)


def _obituary(process: ForkServerProcess) -> str:
    process.join()
    code = process.exitcode
    if code is not None and code < 0:
        return f"its process was killed by signal {-code}"
    return f"its process ended with exit code {code}"
