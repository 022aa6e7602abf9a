"""What the service costs before it trains: start, memory, idle processor, stop.

    .venv/bin/python benchmarks/footprint.py

Prints a table and writes benchmarks/results/footprint.json.
"""

import json
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from kerasearch.service.client import Client
from kerasearch.service.ports import answers, free_port
from kerasearch.service.testing import is_gone

IDLE_S = 30.0
RESULTS = Path(__file__).parent / "results"
MIB = 2**20

ROLES = {
    " api": "API",
    " scheduler": "scheduler",
    " mirror": "mirror",
    "mlflow_server": "MLflow",
    "forkserver": "forkserver and trial processes",
    "resource_tracker": "forkserver and trial processes",
    "serve": "supervisor",
}


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, Client(f"http://127.0.0.1:{port}") as client:
        command = str(Path(sysconfig.get_path("scripts"), "kerasearch"))
        options = ["serve", f"--port={port}", f"--data-dir={folder}/data"]
        log = Path(folder, "log").open("wb")  # noqa: SIM115 - open as long as the process
        started = time.monotonic()
        process = subprocess.Popen([command, *options], stdout=log, stderr=log)
        figures: dict[str, float] = {}
        while not answers("127.0.0.1", port):
            time.sleep(0.01)
        client.is_ready()
        figures["first answer, s"] = time.monotonic() - started
        while not client.is_ready():
            time.sleep(0.05)
        figures["every part ready, s"] = time.monotonic() - started
        time.sleep(3)  # the first second of being ready is still busy
        parts = psutil.Process(process.pid).children(recursive=True)
        parts.append(psutil.Process(process.pid))
        memory: dict[str, float] = {}
        for part in parts:
            role = role_of(part)
            # Proportional: a page that forked processes share counts once.
            memory[role] = memory.get(role, 0) + part.memory_full_info().pss / MIB
        before = cpu_s_of(parts)
        time.sleep(IDLE_S)
        used = {role: cpu_s - before[role] for role, cpu_s in cpu_s_of(parts).items()}
        figures["idle, % of a core"] = 100 * sum(used.values()) / IDLE_S
        figures |= {f"{role} idle, %": 100 * cpu_s / IDLE_S for role, cpu_s in used.items()}
        stopping = time.monotonic()
        process.terminate()
        process.wait()
        figures["SIGTERM to the end, s"] = time.monotonic() - stopping
        figures["processes left"] = sum(not is_gone(part) for part in parts)
    show({**figures, **{f"{role}, MiB": value for role, value in sorted(memory.items())}})


def cpu_s_of(parts: list[psutil.Process]) -> dict[str, float]:
    """By role; of the main threads, finer than the kernel's ticks."""
    used: dict[str, float] = {}
    for part in parts:
        nanoseconds = int(Path(f"/proc/{part.pid}/schedstat").read_text().split()[0])
        used[role_of(part)] = used.get(role_of(part), 0) + nanoseconds / 1e9
    return used


def role_of(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return next(role for mark, role in ROLES.items() if mark in line)


def show(figures: dict[str, float]) -> None:
    table = Table("measured", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}" if value < 10 else f"{value:.0f}")
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "footprint.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
