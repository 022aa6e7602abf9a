"""Real trial processes keep the contract, and their deaths cost one attempt at most."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from kerasearch.service.devices import GPU, usable_gpus
from kerasearch.service.executors import Ended, Needs, local
from kerasearch.service.executors.local import LocalExecutor
from kerasearch.service.settings import Settings
from kerasearch.service.store import leases, trial_views, trials
from kerasearch.service.store.leases import Lease
from kerasearch.service.store.tables import trials as trials_table
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
from kerasearch.service.trials import Trial, TrialState


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("service")
    return Settings(data_dir=folder, workers=2, checkpoint_s=0)


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


def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint_in_another(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    """And comes to what a trial of the same params and seed comes to that nobody disturbs."""
    database = quick_trials.database
    job_id = accept(
        database,
        search={"pruner": "none"},
        budget={"epochs": 60},
        training={"early_stopping": None},
    )
    placed = []
    for number in range(2):
        with database.write() as tx:
            row_id = trials.add_trial(tx, job_id, number, {**QUICK, "dropout": 0.2}, seed=5)
            lease = leases.place(tx, row_id)
        assert lease is not None
        placed.append(lease)
        executor.place(lease)
    disturbed, whole = placed

    def read(lease: Lease) -> Trial:
        with database.read() as tx:
            return trial_views.read_trial_row(tx, lease.trial_id)

    def checkpoint_epoch() -> int:
        with database.read() as tx:
            noted = tx.execute(
                select(trials_table.c.checkpoint).where(trials_table.c.id == disturbed.trial_id)
            ).scalar_one()
        return 0 if noted is None else int(noted["epoch"])

    wait_until(lambda: checkpoint_epoch() >= 3)
    psutil.Process(_pid_of(quick_trials, disturbed.trial_id)).kill()
    ends = ended(executor, 1)
    while disturbed not in [end.lease for end in ends]:
        ends += ended(executor, 1)
    with database.write() as tx:
        leases.lose(tx, disturbed, "its process was killed by signal 9")
        again = leases.place(tx, disturbed.trial_id)
    assert again is not None
    executor.place(again)
    ended(executor, 3 - len(ends))
    one, other = read(again), read(whole)
    assert [attempt.outcome for attempt in one.attempts] == ["lost", "complete"]
    assert one.state is other.state is TrialState.COMPLETE
    for name, curve in other.curves.items():
        assert one.curves[name] == pytest.approx(curve, abs=1e-6)
    assert one.value == pytest.approx(other.value, abs=1e-6)


def test_an_idle_process_that_is_killed_is_replaced_unnoticed(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    processes = _trial_processes()
    for process in processes:
        process.kill()
    wait_until(lambda: all(map(is_gone, processes)))
    lease = quick_trials.new_lease()
    executor.place(lease)  # into a slot whose process is gone, which nobody has seen yet
    assert ended(executor, 1) == [Ended(lease, None)]
    assert quick_trials.state(lease) is TrialState.COMPLETE


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


@pytest.mark.parametrize(("total", "infeasible"), [(2**20, True), (2**50, False)])
def test_a_trial_that_the_kernel_ends_is_to_blame_if_it_took_more_than_its_share_of_memory(
    executor: LocalExecutor,
    quick_trials: QuickTrials,
    monkeypatch: pytest.MonkeyPatch,
    total: int,
    infeasible: bool,
) -> None:
    """The kernel's part is played: no machine is filled up for a test."""
    kills = iter([3, 4])
    monkeypatch.setattr(local, "out_of_memory_kills", lambda: next(kills))
    monkeypatch.setattr(local, "memory_bytes", lambda: total)
    budget, training = {"epochs": 10_000}, {"early_stopping": None}
    job_id = accept(quick_trials.database, budget=budget, training=training)
    lease = place(quick_trials.database, job_id, QUICK)
    executor.place(lease)
    wait_until(lambda: _pid_of(quick_trials, lease.trial_id))
    executor.wait(0)
    psutil.Process(_pid_of(quick_trials, lease.trial_id)).kill()
    (end,) = ended(executor, 1)
    assert (end.lease, end.infeasible) == (lease, infeasible)
    assert str(end.reason).startswith("out of memory: it took 0.")


def test_the_kernel_that_is_out_of_memory_ends_trial_processes_before_any_other_part(
    executor: LocalExecutor,
) -> None:
    def badness(pid: int | str) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    wait_until(lambda: all(badness(one.pid) > badness("self") for one in _trial_processes()))


def test_a_trial_goes_to_the_idle_process_that_has_trained_its_architecture(
    executor: LocalExecutor, quick_trials: QuickTrials
) -> None:
    known: dict[str, int | None] = {}
    for wave in (("a", "b"), ("b", "a"), ("b",), ("a",)):
        placed = {name: quick_trials.new_lease() for name in wave}
        for name, lease in placed.items():
            executor.place(lease, Needs(name))
            assert executor.distance(Needs(name)) == 2
        ended(executor, len(placed))
        for name, lease in placed.items():
            pid = _pid_of(quick_trials, lease.trial_id)
            assert known.setdefault(name, pid) == pid
    assert len(set(known.values())) == 2


def test_gpus_are_given_out_once_and_in_shares(
    settings: Settings, quick_trials: QuickTrials
) -> None:
    executor = LocalExecutor(settings, 1, [GPU(0, "GPU-0", "Fast", 16_000)])
    executor.start()
    try:
        whole = quick_trials.lost_lease()
        executor.place(whole, Needs(gpus=1.0))
        assert not executor.has_room(1.0)
        assert not executor.has_room(0.25)
        assert executor.has_room(0)
        with pytest.raises(RuntimeError, match="no slot is free"):
            executor.place(quick_trials.lost_lease(), Needs(gpus=1.0))
        assert ended(executor, 1) == [Ended(whole, None)]
        halves = [quick_trials.lost_lease() for _ in range(2)]
        for lease in halves:
            executor.place(lease, Needs(gpus=0.5))
        assert {end.lease for end in ended(executor, 2)} == set(halves)
        executor.place(quick_trials.lost_lease(), Needs(gpus=1.0))
        assert not executor.has_room(0.5)
    finally:
        executor.close()


@pytest.mark.gpu
def test_a_trial_on_a_gpu_says_which_and_how_much_memory_it_took(
    settings: Settings, quick_trials: QuickTrials
) -> None:
    gpus = usable_gpus()
    if not gpus:
        pytest.skip("no GPU here that the installed TensorFlow can use")
    executor = LocalExecutor(settings, 1, gpus)
    executor.start()
    try:
        lease = quick_trials.new_lease()
        executor.place(lease, Needs(gpus=0.5))
        assert ended(executor, 1) == [Ended(lease, None)]
    finally:
        executor.close()
    with quick_trials.database.read() as tx:
        trial = trial_views.read_trial_row(tx, lease.trial_id)
    assert trial.device == str(gpus[0])
    assert trial.memory_mib is not None
    assert 0 < trial.memory_mib <= gpus[0].memory_mib / 2


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
