"""`--workers auto` measures a machine once, and takes what trains the most."""

import os
from pathlib import Path

import pytest

from kerasearch.service import splitting
from kerasearch.service.settings import Settings
from kerasearch.service.splitting import best_split, remembered_split

RATES = {(8, 1): 50.0, (4, 2): 80.0, (2, 4): 60.0, (1, 8): 20.0}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was measured, on a machine of eight cores."""
    asked: list[tuple[int, int]] = []

    def measure(workers: int, threads: int) -> float:
        asked.append((workers, threads))
        return RATES[workers, threads]

    monkeypatch.setattr(splitting, "_measure", measure)
    monkeypatch.setattr(splitting, "memory_bytes", lambda: 64 * splitting.PROCESS_BYTES)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return asked


def test_the_split_that_trains_the_most_is_taken_and_remembered(
    measured: list[tuple[int, int]], tmp_path: Path
) -> None:
    assert remembered_split(tmp_path) is None
    assert best_split(tmp_path).workers == 4
    assert measured == list(RATES)
    assert best_split(tmp_path) == remembered_split(tmp_path)
    assert len(measured) == len(RATES)


def test_a_machine_of_other_cores_is_measured_anew(
    measured: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best_split(tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert remembered_split(tmp_path) is None


def test_no_more_processes_are_tried_than_there_is_memory_for(
    measured: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitting, "memory_bytes", lambda: 2 * splitting.PROCESS_BYTES)
    assert best_split(tmp_path).workers == 2
    assert measured == [(2, 4), (1, 8)]


def test_what_was_remembered_and_is_damaged_is_measured_again(
    measured: list[tuple[int, int]], tmp_path: Path
) -> None:
    (tmp_path / splitting.FILE).write_text("{")
    assert best_split(tmp_path).workers == 4


@pytest.mark.parametrize(("given", "slots"), [("auto", 8), ("0", 8), ("3", 3)])
def test_until_it_is_measured_a_process_a_core_is_assumed(
    given: str, slots: int, measured: list[tuple[int, int]]
) -> None:
    assert Settings.model_validate({"workers": given}).slots == slots


@pytest.mark.slow
def test_real_processes_are_measured(tmp_path: Path) -> None:
    rates = best_split(tmp_path).epochs_a_second
    assert rates
    assert min(rates.values()) > 0
