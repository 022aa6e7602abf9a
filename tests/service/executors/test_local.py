"""Real trial processes keep the contract, and their deaths cost one attempt at most."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kerasearch.service.executors import Ended
from kerasearch.service.executors.local import LocalExecutor
from kerasearch.service.settings import Settings
from kerasearch.service.store import trial_views
from kerasearch.service.testing import (
    QUICK,
    ExecutorContract,
    QuickTrials,
    accept,
    ended,
    is_gone,
    new_database,
    place,
    wait_until,
)
from kerasearch.service.trials import TrialState


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("service")
    return Settings(data_dir=folder, workers=2)


@pytest.fixture(scope="module")
def quick_trials(settings: Settings) -> Iterator[QuickTrials]:
    database = new_database(settings.data_dir)
    yield QuickTrials(database)
    database.close()


@pytest.fixture(scope="module")
def executor(settings: Settings) -> Iterator[LocalExecutor]:
    executor = LocalExecutor(settings, threads=1)
    executor.start()
    yield executor
    executor.close()


class TestLocalExecutor(ExecutorContract):
    pass


def _pid_of(quick_trials: QuickTrials, trial_id: int) -> int | None:
    with quick_trials.database.read() as tx:
        return trial_views.read_trial_row(tx, trial_id).attempts[-1].pid


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_trial_process_that_dies_ends_its_lease_with_a_reason_and_is_replaced(
    executor: LocalExecutor, quick_trials: QuickTrials, how: signal.Signals
) -> None:
    """As by the kernel that is out of memory, and by a fault in native code."""
    lease = quick_trials.new_lease()
    executor.place(lease)
    wait_until(lambda: _pid_of(quick_trials, lease.trial_id))
    psutil.Process(_pid_of(quick_trials, lease.trial_id)).send_signal(how)
    assert ended(executor, 1) == [Ended(lease, f"its process was killed by signal {how}")]
    assert quick_trials.state(lease) is TrialState.RUNNING
    assert executor.free == 2

    for _ in range(2):
        executor.place(quick_trials.lost_lease())
    assert [end.reason for end in ended(executor, 2)] == [None, None]


def test_an_idle_process_that_is_killed_is_replaced_unnoticed(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    processes = _trial_processes()
    for process in processes:
        process.kill()
    wait_until(lambda: all(map(is_gone, processes)))
    leases = [quick_trials.lost_lease() for _ in range(2)]
    executor.place(leases[0])  # into a slot whose process is gone, which nobody has seen yet
    assert ended(executor, 1) == [Ended(leases[0], "its process was killed by signal 9")]
    executor.place(leases[1])
    assert ended(executor, 1) == [Ended(leases[1], None)]


def test_a_forkserver_that_is_killed_is_replaced_with_its_trial_processes(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    lease = quick_trials.new_lease()
    executor.place(lease)
    wait_until(lambda: _pid_of(quick_trials, lease.trial_id))
    psutil.Process(_pid_of(quick_trials, lease.trial_id)).parent().kill()
    (end,) = ended(executor, 1)
    assert end.lease == lease
    assert end.reason is not None
    other = quick_trials.new_lease()
    executor.place(other)
    assert ended(executor, 1) == [Ended(other, None)]
    assert quick_trials.state(other) is TrialState.COMPLETE


def test_a_trial_that_hangs_in_a_process_that_is_deaf_to_sigterm_gives_its_slot_back(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    lease = quick_trials.new_lease()
    executor.place(lease)
    wait_until(lambda: _pid_of(quick_trials, lease.trial_id))
    hanging = psutil.Process(_pid_of(quick_trials, lease.trial_id))
    hanging.suspend()
    executor.kill(lease)
    assert executor.free == 2
    wait_until(lambda: is_gone(hanging))
    other = quick_trials.lost_lease()
    executor.place(other)
    assert ended(executor, 1) == [Ended(other, None)]


def test_a_trial_that_needs_more_memory_than_there_is_is_infeasible_and_costs_no_other(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    warm = [quick_trials.new_lease() for _ in range(2)]  # TensorFlow has its threads from then on
    for lease in warm:
        executor.place(lease)
    ended(executor, 2)
    job_id = accept(quick_trials.database)
    wide = {**QUICK, "layers": 2, "units_1": 12_000, "units_2": 12_000}
    greedy = place(quick_trials.database, job_id, wide)
    for process in _trial_processes():
        resource.prlimit(process.pid, resource.RLIMIT_AS, (process.memory_info().vms + 2**29, -1))
    executor.place(greedy)
    assert ended(executor, 1) == [Ended(greedy, None)]
    with quick_trials.database.read() as tx:
        trial = trial_views.read_trial_row(tx, greedy.trial_id)
    assert trial.state is TrialState.INFEASIBLE
    assert "OOM" in str(trial.reason)
    assert len(trial.attempts) == 1
    modest = [quick_trials.new_lease() for _ in range(2)]
    for lease in modest:
        executor.place(lease)
    assert {end.reason for end in ended(executor, 2)} == {None}
    assert {quick_trials.state(lease) for lease in modest} == {TrialState.COMPLETE}


def test_the_kernel_that_is_out_of_memory_ends_trial_processes_before_any_other_part(
    executor: LocalExecutor,
) -> None:
    def badness(pid: int | str) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    wait_until(lambda: all(badness(one.pid) > badness("self") for one in _trial_processes()))


def _trial_processes() -> list[psutil.Process]:
    """Children of this process's forkserver, which is told by its command line."""
    return [
        grandchild
        for child in psutil.Process().children()
        if "multiprocessing.forkserver" in " ".join(child.cmdline())
        for grandchild in child.children()
        if "resource_tracker" not in " ".join(grandchild.cmdline())
    ]


def test_nothing_outlives_a_scheduler_that_is_killed_while_its_forkserver_imports(
    tmp_path: Path,
) -> None:
    program = (
        "from pathlib import Path\n"
        "from kerasearch.service.executors.local import LocalExecutor\n"
        "from kerasearch.service.settings import Settings\n"
        f"executor = LocalExecutor(Settings(data_dir=Path({str(tmp_path)!r}), workers=1), 1)\n"
        "executor.start()\n"
    )
    scheduler = subprocess.Popen([sys.executable, "-c", program])
    wait_until(lambda: _importing(psutil.Process(scheduler.pid)))
    forkservers = _importing(psutil.Process(scheduler.pid))
    for forkserver in forkservers:
        forkserver.suspend()  # it could end well by itself, once it has imported all
    scheduler.kill()
    scheduler.wait()
    wait_until(lambda: all(map(is_gone, forkservers)))


def _importing(process: psutil.Process) -> list[psutil.Process]:
    """Children that have begun to load numpy, of which tensorflow is made."""
    return [
        child
        for child in process.children()
        if any("numpy" in mapped.path for mapped in child.memory_maps())
    ]
