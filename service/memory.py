"""Memory: how much there is, and whether the kernel has ended processes for want of it."""

from pathlib import Path

import psutil

VMSTAT = Path("/proc/vmstat")
OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def out_of_memory_kills() -> int:
    """Processes that the kernel has ever ended for want of memory; 0 where it doesn't count them.

    Those of other containers on the machine are among them, so that a count which has grown is a
    sign, and none that hasn't is.
    """
    try:
        lines = VMSTAT.read_text().splitlines()
    except OSError:  # not Linux
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def memory_bytes() -> int:
    """All that this service may take: the machine's, or the limit of its control group."""
    limits = [psutil.virtual_memory().total]
    for path in _limit_files():
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):  # no such group here, or "max"
            continue
    return min(limits)


def _limit_files() -> list[Path]:
    """Of version 2's one hierarchy and of version 1's of memory; a container sees its own above."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, kinds, path = line.split(":", 2)
        own = path.lstrip("/")
        if kinds == "":
            found += [GROUPS / own / "memory.max", GROUPS / "memory.max"]
        elif "memory" in kinds.split(","):
            name = "memory.limit_in_bytes"
            found += [GROUPS / "memory" / own / name, GROUPS / "memory" / name]
    return found
