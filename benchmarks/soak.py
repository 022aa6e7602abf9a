"""Whether a service stays as it is: memory and open files of each part over many small trials.

    .venv/bin/python benchmarks/soak.py --trials 300

Prints a table and writes benchmarks/results/soak.json. The first 50 trials are a job of their own,
at whose end every part has loaded what it needs, the mirror what draws pictures; the slopes are of
straight lines through what was seen of the job of the others. A trial process grows, as TensorFlow
does, until it is replaced: its line is the mean of a saw's teeth.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from figures import RESULTS, publish
from peers import await_mirror, finished

from kerasearch.service.client import Client
from kerasearch.service.launching import running_service

SETTLED_AT = 50
"""Trials, of a first job, after which nothing should grow."""

EVERY = 10
"""Trials between two looks."""

MIB = 2**20
POLL_S = 0.1

ROLES = {
    " api": "API",
    " scheduler": "scheduler",
    " mirror": "mirror",
    "mlflow_server": "MLflow",
    "forkserver": "trial processes",
    "resource_tracker": "trial processes",
    "serve": "supervisor",
}

JOB = {
    "name": "soak",
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {
        "layers": 1,
        "units_1": {"type": "choice", "values": [16, 24, 32, 48]},
        "batch_size": {"type": "choice", "values": [64, 128]},
    },
    "search": {"sampler": "random"},
    "training": {"early_stopping": None},
}


@dataclass
class Seen:
    """What was seen, each by trials that had ended.

    Attributes:
        mib: Memory by role; a page that several processes share counts once.
        files: Open files by role.
        folder_mib: Of all data.
    """

    ended: list[int] = field(default_factory=list)
    mib: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    folder_mib: list[float] = field(default_factory=list)

    def look(self, ended: int, supervisor: psutil.Process, folder: Path) -> None:
        self.ended.append(ended)
        mib, files = dict.fromkeys(ROLES.values(), 0.0), dict.fromkeys(ROLES.values(), 0.0)
        for process in (supervisor, *supervisor.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, StopIteration):
                line = " ".join(process.cmdline())
                role = next(role for mark, role in ROLES.items() if mark in line)
                mib[role] += process.memory_full_info().pss / MIB
                files[role] += process.num_fds()
        for role in mib:
            self.mib[role].append(mib[role])
            self.files[role].append(files[role])
        self.folder_mib.append(size_of(folder) / MIB)

    def slope(self, values: list[float]) -> float:
        """Growth over a hundred trials."""
        return 100 * float(np.polyfit(self.ended, values, 1)[0])


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=300)
    options.add_argument("--results", type=Path, default=RESULTS / "soak.json")
    given = options.parse_args()
    seen = Seen()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        running_service(Path(name), workers=2) as service,
        Client(service.url) as client,
    ):
        supervisor = psutil.Process(service.process.pid)
        finished(client, client.submit({**JOB, "budget": {"trials": SETTLED_AT, "epochs": 3}}))
        await_mirror(service)
        began = time.monotonic()
        others = {"trials": given.trials - SETTLED_AT, "epochs": 3}
        job_id = client.submit({**JOB, "budget": others}).id
        while not (job := client.job(job_id)).state.ended:
            if job.progress.done >= len(seen.ended) * EVERY:
                seen.look(job.progress.done, supervisor, service.data_dir)
            time.sleep(POLL_S)
        took_s = time.monotonic() - began
        seen.look(job.progress.done, supervisor, service.data_dir)
    trials = SETTLED_AT + job.progress.done
    figures: dict[str, float | str] = {"trials": trials, "seconds of the second job": took_s}
    for role in sorted(set(ROLES.values())):
        figures[f"{role}, MiB at the end"] = seen.mib[role][-1]
        figures[f"{role}, MiB more over 100 trials"] = seen.slope(seen.mib[role])
        figures[f"{role}, open files at the end"] = seen.files[role][-1]
        figures[f"{role}, open files more over 100 trials"] = seen.slope(seen.files[role])
    figures["trial processes, MiB at most"] = max(seen.mib["trial processes"])
    figures["data folder, KiB more a trial"] = seen.slope(seen.folder_mib) * 1024 / 100
    publish(figures, given.results)


def size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


if __name__ == "__main__":
    main()
