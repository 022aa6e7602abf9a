"""The shipped fake keeps the contract of executors, and fails in the ways that processes do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasearch.service.executors import Ended
from kerasearch.service.store.leases import Lease
from kerasearch.service.testing import (
    ExecutorContract,
    FakeExecutor,
    ProcessDied,
    ProcessHangs,
    QuickTrials,
    complete,
    new_database,
    run_as,
)


@pytest.fixture
def quick_trials(tmp_path: Path) -> Iterator[QuickTrials]:
    database = new_database(tmp_path)
    yield QuickTrials(database)
    database.close()


class TestFakeExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self, quick_trials: QuickTrials) -> FakeExecutor:
        return FakeExecutor(run_as(quick_trials.database, lambda _: complete(0.5)), slots=2)


def test_a_process_that_died_says_why() -> None:
    def die(_lease: Lease) -> None:
        raise ProcessDied("out of memory")

    executor = FakeExecutor(die)
    lease = Lease(1, 1, "token")
    executor.place(lease)
    assert executor.wait(0) == [Ended(lease, "out of memory")]
    assert executor.free == 1


def test_a_process_that_hangs_holds_its_slot_until_it_is_killed() -> None:
    def hang(_lease: Lease) -> None:
        raise ProcessHangs

    executor = FakeExecutor(hang)
    lease = Lease(1, 1, "token")
    executor.place(lease)
    assert executor.wait(0) == executor.wait(0) == []
    assert executor.free == 0
    executor.kill(lease)
    assert executor.free == 1
    assert executor.killed == [lease]
