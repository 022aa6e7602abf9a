"""Fakes and contract suites, shipped for whoever adds an executor to the service."""

# ruff: noqa: S101 - a contract consists of assertions

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import psutil
import pytest
import uvicorn
from fastapi import FastAPI

from kerasearch.service.errors import LeaseLost
from kerasearch.service.executors import NO_NEEDS, Ended, Executor, Needs
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store import jobs, leases, trial_views, trials
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Assignment, Lease, Outcome
from kerasearch.service.store.tables import trials as trials_table
from kerasearch.service.submission import understand
from kerasearch.service.trials import Params, TrialState

PATIENCE_S = 120.0
"""For what another process does, on a machine that is busy."""


QUICK: Params = {
    "layers": 1,
    "units_1": 16,
    "activation": "relu",
    "batch_norm": False,
    "input_dropout": 0.0,
    "dropout": 0.0,
    "regularization": "none",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 128,
}
"""An mlp of the default space that is trained in a moment; also a space that holds it alone."""


class FakeNVML:
    """NVIDIA's driver as pynvml shows it, with GPUs of your own: put it in pynvml's place.

    Args:
        names: Of the GPUs; none is a machine without the driver.
    """

    NVMLError = RuntimeError

    def __init__(self, *names: str, memory_mib: int = 16_000) -> None:
        self._names = names
        self._memory_mib = memory_mib

    def nvmlInit(self) -> None:  # noqa: N802 - pynvml's name, like the others
        if not self._names:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:  # noqa: N802
        """There is nothing to let go."""

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._names)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}"

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return self._names[handle]

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=self._memory_mib * 2**20)


class ProcessDied(Exception):  # noqa: N818 - it names what happened
    """Raised by what a FakeExecutor runs: its process would be gone, for this reason."""


class ProcessHangs(Exception):  # noqa: N818
    """Raised by what a FakeExecutor runs: its process would hold the slot until it is killed."""


class FakeExecutor:
    """Runs leases by a call in this process: in each `wait` one, the oldest first.

    Attributes:
        most: Leases that it ever held at once.
        killed: Leases that it was told to kill while it held them.
        needs: Of every lease that was placed.
    """

    def __init__(self, run: Callable[[Lease], None], slots: int = 1) -> None:
        self.most = 0
        self.needs: dict[Lease, Needs] = {}
        self.killed: list[Lease] = []
        self._run = run
        self._slots = slots
        self._leases: list[Lease] = []
        self._hanging: set[Lease] = set()

    @property
    def free(self) -> int:
        return self._slots - len(self._leases)

    @property
    def leases(self) -> list[Lease]:
        return list(self._leases)

    def start(self) -> None:
        """There is nothing to make ready."""

    def has_room(self, gpus: float) -> bool:
        return self.free > 0

    def distance(self, needs: Needs) -> int:
        """It has one process for all slots."""
        return int(all(needs.architecture != other.architecture for other in self.needs.values()))

    def place(self, lease: Lease, needs: Needs = NO_NEEDS) -> None:
        if not self.has_room(needs.gpus):
            raise RuntimeError("no slot is free")
        self.needs[lease] = needs
        self._leases.append(lease)
        self.most = max(self.most, len(self._leases))

    def wait(self, timeout_s: float) -> list[Ended]:
        """Never waits: what this process doesn't run now nobody else will."""
        for lease in self._leases:
            if lease in self._hanging:
                continue
            reason = None
            try:
                self._run(lease)
            except ProcessDied as died:
                reason = str(died)
            except ProcessHangs:
                self._hanging.add(lease)
                return []
            self._leases.remove(lease)
            return [Ended(lease, reason)]
        return []

    def kill(self, lease: Lease) -> None:
        if lease in self._leases:
            self._leases.remove(lease)
            self.killed.append(lease)

    def close(self) -> None:
        self._leases.clear()


def run_as(database: Database, account: Callable[[Assignment], Outcome]) -> Callable[[Lease], None]:
    """What a trial process does with a lease, with a function in place of the training."""

    def run(lease: Lease) -> None:
        try:
            with database.write() as tx:
                assignment = leases.begin(tx, lease, os.getpid(), "fake")
            outcome = account(assignment)
            with database.write() as tx:
                leases.report(tx, lease, {1: outcome.metrics or {}})
                leases.finish(tx, lease, outcome)
        except LeaseLost:
            return

    return run


def complete(value: float) -> Outcome:
    """An account of a trial that came to this value."""
    return Outcome(
        TrialState.COMPLETE,
        value=value,
        best_epoch=1,
        metrics={"val_accuracy": value},
        model_sha256="0" * 64,
    )


def new_database(folder: Path) -> Database:
    """An SQLite database with the service's tables, where a service on this folder has it."""
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{folder / 'kerasearch.db'}")
    database.migrate()
    return database


@contextmanager
def serve_in_thread(app: FastAPI) -> Iterator[str]:
    """The address of an application that is served for the length of a `with` block."""
    # Of the protocol named, or asyncio leaves Nagle's algorithm on: 40 ms an answer.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def accept(database: Database, **parts: object) -> str:
    """Post a job on breast-cancer to the database, an mlp unless `parts` say otherwise; its id."""
    document = {"model": "mlp", "data": {"dataset": "breast-cancer"}, **parts}
    request, dataset_id = understand(JobRequest.model_validate(document), lambda _: None, [])
    with database.write() as tx:
        return jobs.accept_job(tx, request, dataset_id, None, b"")[0]


def place(database: Database, job_id: str, params: Params, number: int = 0) -> Lease:
    """A lease on a new trial of a job."""
    with database.write() as tx:
        lease = leases.place(tx, trials.add_trial(tx, job_id, number, params, seed=number))
    assert lease is not None
    return lease


class QuickTrials:
    """Placed trials of a job whose trials take a moment each."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = count()
        self._job_id = accept(database, space=QUICK, budget={"epochs": 1})

    def new_lease(self) -> Lease:
        return place(self.database, self._job_id, QUICK, next(self._numbers))

    def lost_lease(self) -> Lease:
        """One whose trial was cancelled since: whatever runs it stops at once."""
        lease = self.new_lease()
        with self.database.write() as tx:
            trials.cancel_trials(tx, trials_table.c.id == lease.trial_id, "not wanted any more")
        return lease

    def state(self, lease: Lease) -> TrialState:
        with self.database.read() as tx:
            return trial_views.read_trial_row(tx, lease.trial_id).state


class ExecutorContract:
    """What the scheduler relies on in every executor.

    A subclass in a test module gives two fixtures: `executor`, started, with two free slots and
    used by one test after the other, and `quick_trials` on the database whose leases it runs.
    """

    def test_a_placed_lease_is_held_until_it_ends_by_its_own_account(
        self, executor: Executor, quick_trials: QuickTrials
    ) -> None:
        lease = quick_trials.new_lease()
        executor.place(lease)
        assert executor.leases == [lease]
        assert executor.free == 1
        assert ended(executor, 1) == [Ended(lease, None)]
        assert quick_trials.state(lease) is TrialState.COMPLETE
        assert executor.leases == []
        assert executor.free == 2

    def test_every_slot_runs_and_no_more_than_those(
        self, executor: Executor, quick_trials: QuickTrials
    ) -> None:
        leases = [quick_trials.new_lease() for _ in range(2)]
        for lease in leases:
            executor.place(lease)
        assert executor.free == 0
        with pytest.raises(RuntimeError, match="no slot is free"):
            executor.place(quick_trials.lost_lease())
        assert {end.lease for end in ended(executor, 2)} == set(leases)
        assert {quick_trials.state(lease) for lease in leases} == {TrialState.COMPLETE}

    def test_a_trial_is_nearest_to_an_idle_process_that_knows_its_architecture(
        self, executor: Executor, quick_trials: QuickTrials
    ) -> None:
        known, new = Needs("an architecture of this test"), Needs("one that nobody has trained")
        executor.place(quick_trials.new_lease(), known)
        ended(executor, 1)
        assert executor.distance(known) == 0
        assert executor.distance(new) == 1

    def test_nothing_ends_where_nothing_runs(self, executor: Executor) -> None:
        assert executor.wait(0) == []

    def test_a_killed_lease_frees_its_slot_and_is_not_reported(
        self, executor: Executor, quick_trials: QuickTrials
    ) -> None:
        killed, other = quick_trials.new_lease(), quick_trials.lost_lease()
        executor.place(killed)
        executor.kill(killed)
        executor.kill(killed)
        assert executor.free == 2
        executor.place(other)
        assert ended(executor, 1) == [Ended(other, None)]
        assert executor.wait(0) == []

    def test_a_lease_that_was_taken_away_ends_and_writes_nothing(
        self, executor: Executor, quick_trials: QuickTrials
    ) -> None:
        lease = quick_trials.lost_lease()
        executor.place(lease)
        assert ended(executor, 1) == [Ended(lease, None)]
        assert quick_trials.state(lease) is TrialState.CANCELLED


def ended(executor: Executor, number: int) -> list[Ended]:
    """The next leases that end, this many."""
    ends: list[Ended] = []

    def enough() -> bool:
        ends.extend(executor.wait(0.2))
        return len(ends) >= number

    wait_until(enough)
    return ends


def wait_until(holds: Callable[[], object]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"this should have come true in {PATIENCE_S:g} s"
        time.sleep(0.01)


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended, be it that nobody has taken note of its end yet.

    Its other threads hold its files and sockets, and may end after the first one.
    """
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True
