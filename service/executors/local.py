"""Trial processes on this machine, forked from a forkserver that has imported keras and run no op.

A process trains trial after trial. It is replaced after a failure, after a number of trials, and
when its memory has grown past a limit: only the end of a process gives TensorFlow's memory back.
"""

import multiprocessing
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

import psutil

from kerasearch.service.devices import GPU
from kerasearch.service.executors import NO_NEEDS, Ended, Needs
from kerasearch.service.executors.gpu_shares import Share, free_gpu
from kerasearch.service.memory import memory_bytes, out_of_memory_kills
from kerasearch.service.preloading import MODULES, WORKER
from kerasearch.service.settings import Settings
from kerasearch.service.store.leases import Lease

GIB = 2**30

FORK_TRIES = 5
FORK_PAUSE_S = 0.2

TERM_S = 1.0
"""Between SIGTERM and SIGKILL: the scheduler waits for it."""


@dataclass
class _Slot:
    """A process and what it runs.

    Attributes:
        share: Of a GPU, which it keeps until its end, as TensorFlow keeps the memory.
        known: Architectures that it has trained.
        taken_bytes: Memory that the process was last seen to take.
        kills: How many processes the kernel had ended for want of memory when the lease came.
    """

    process: ForkServerProcess
    pipe: "Connection[Lease | None, bool]"
    share: Share | None = None
    known: set[str] = field(default_factory=set)
    lease: Lease | None = None
    taken_bytes: int = 0
    kills: int = 0


class LocalExecutor:
    """Runs leases in at most `settings.slots` processes.

    Args:
        threads: That a process may compute with.
        gpus: That trials may be given.
    """

    def __init__(self, settings: Settings, threads: int, gpus: Sequence[GPU] = ()) -> None:
        self._settings = settings
        self._threads = threads
        self._gpus = gpus
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(MODULES)
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

    def has_room(self, gpus: float) -> bool:
        if not self.free:
            return False
        return not (gpus and self._gpus) or self._free_gpu(gpus, idle_too=False) is not None

    def distance(self, needs: Needs) -> int:
        alike = self._alike(self._slots, needs)
        known = [slot for slot in alike if needs.architecture in slot.known]
        if any(slot.lease is None for slot in known):
            return 0
        return 2 if known else 1

    def place(self, lease: Lease, needs: Needs = NO_NEEDS) -> None:
        """Raises RuntimeError when there is no room for it."""
        slot = self._slot_for(needs)
        if wait([slot.pipe, slot.process.sentinel], 0):  # it died idle, unseen until now
            slot = self._replace(slot, slot.share)
        slot.lease = lease
        slot.known.add(needs.architecture)
        slot.kills = out_of_memory_kills()
        with suppress(BrokenPipeError):  # it died since: `wait` will say so
            slot.pipe.send(lease)

    def wait(self, timeout_s: float) -> list[Ended]:
        """Leases that ended, after at most `timeout_s`; dead processes are replaced."""
        for slot in self._slots:
            if slot.lease is not None:
                with suppress(psutil.NoSuchProcess):
                    taken_bytes = psutil.Process(slot.process.pid).memory_info().rss
                    slot.taken_bytes = taken_bytes or slot.taken_bytes  # a dead one takes none
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
                reason, greedy = None, False
                slot.lease = None
            except (EOFError, ConnectionResetError):
                goes_on = False
                reason, greedy = self._obituary(slot)
            if not goes_on:
                self._replace(slot)
            if lease is not None:
                ended.append(Ended(lease, reason, infeasible=greedy))
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

    def _slot_for(self, needs: Needs) -> _Slot:
        """The idle process of the right share that knows the architecture, or else the least."""
        if not self.has_room(needs.gpus):
            raise RuntimeError("no slot is free")
        idle = [slot for slot in self._slots if slot.lease is None]
        alike = self._alike(idle, needs)
        if not alike:
            return self._give_share(idle, self._part(needs))
        return min(alike, key=lambda s: (needs.architecture not in s.known, len(s.known)))

    def _part(self, needs: Needs) -> float:
        return needs.gpus if self._gpus else 0

    def _alike(self, slots: Iterable[_Slot], needs: Needs) -> list[_Slot]:
        """Those that have the share that is wanted."""
        part = self._part(needs)
        return [slot for slot in slots if (slot.share.part if slot.share else 0) == part]

    def _give_share(self, idle: list[_Slot], part: float) -> _Slot:
        """An idle process of this share, in place of one that has another."""
        if not part:
            return self._replace(idle[0])
        while (gpu := self._free_gpu(part, idle_too=True)) is None:
            # An idle process gives its memory back; there is one, since there is room.
            holder = next(slot for slot in idle if slot.share is not None)
            idle[idle.index(holder)] = self._replace(holder)
        free = next((slot for slot in idle if slot.share is None), idle[0])
        return self._replace(free, Share(gpu, part))

    def _free_gpu(self, part: float, *, idle_too: bool) -> GPU | None:
        """A GPU with room beside the shares of busy processes, or of all."""
        taken = [s.share for s in self._slots if s.share and (idle_too or s.lease is not None)]
        return free_gpu(self._gpus, taken, part)

    def _obituary(self, slot: _Slot) -> tuple[str, bool]:
        """Why the process died, and whether its trial is to blame: it took more than its share.

        One that took less was ended for what others took, and its trial is run again.
        """
        slot.process.join()
        code = slot.process.exitcode
        if code is None or code >= 0:
            return f"its process ended with exit code {code}", False
        if code != -signal.SIGKILL or out_of_memory_kills() == slot.kills:
            return f"its process was killed by signal {-code}", False
        share = memory_bytes() // self._settings.slots
        taken = f"out of memory: it took {slot.taken_bytes / GIB:.1f} GiB of its {share / GIB:.1f}"
        return taken, slot.taken_bytes > share

    def _fork(self, share: Share | None = None) -> _Slot:
        for _ in range(FORK_TRIES):
            ours, theirs = self._context.Pipe()
            # A string, not the function: importing the worker would bring keras into this process.
            process = self._context.Process(
                target=_run_worker, args=(theirs, self._settings, self._threads, share), daemon=True
            )
            try:
                process.start()
            except (EOFError, OSError):  # the forkserver was killed; a start makes another
                ours.close()
                time.sleep(FORK_PAUSE_S)
                continue
            finally:
                theirs.close()
            return _Slot(process, ours, share)
        raise RuntimeError(f"the forkserver died {FORK_TRIES} times")

    def _replace(self, slot: _Slot, share: Share | None = None) -> _Slot:
        slot.pipe.close()  # which ends one that is idle
        slot.process.join()
        fresh = self._slots[self._slots.index(slot)] = self._fork(share)
        return fresh


def _run_worker(
    pipe: "Connection[bool, Lease | None]", settings: Settings, threads: int, share: Share | None
) -> None:
    from importlib import import_module

    import_module(WORKER).work(pipe, settings, threads, share)
