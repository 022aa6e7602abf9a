from pathlib import Path

import psutil
import pytest

from kerasearch.service import memory


def test_kills_for_want_of_memory_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory.out_of_memory_kills() >= 0
    monkeypatch.setattr(memory, "VMSTAT", tmp_path / "vmstat")
    assert memory.out_of_memory_kills() == 0
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 3\nnr_dirty 4\n")
    assert memory.out_of_memory_kills() == 3


@pytest.mark.parametrize(
    ("groups", "file", "content", "limit"),
    [
        ("0::/ours", "ours/memory.max", "1048576", 2**20),
        ("0::/ours", "ours/memory.max", "max", None),
        ("0::/elsewhere", "memory.max", "1048576", 2**20),
        ("4:cpu,memory:/ours", "memory/ours/memory.limit_in_bytes", "1048576", 2**20),
        ("4:memory:/ours", "memory/memory.limit_in_bytes", str(2**63 - 4096), None),
        ("1:cpu:/ours", "cpu/ours/memory.limit_in_bytes", "1048576", None),
    ],
)
def test_what_there_is_is_the_machines_or_the_limit_of_the_control_group(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    groups: str,
    file: str,
    content: str,
    limit: int | None,
) -> None:
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    assert memory.memory_bytes() == psutil.virtual_memory().total
    (tmp_path / "cgroup").write_text(f"{groups}\n")
    path = tmp_path / "groups" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{content}\n")
    assert memory.memory_bytes() == (limit or psutil.virtual_memory().total)
