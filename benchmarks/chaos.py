"""What kill -9 costs: processes of every kind are killed at random while jobs run, all is counted.

    .venv/bin/python benchmarks/chaos.py --kills 100

Prints a table and writes benchmarks/results/chaos.json. `lost` and `duplicated` have to be 0.
"""

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import psutil
from rich.console import Console
from rich.table import Table

from kerasearch.service.answers import ClientError
from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.process import pulse
from kerasearch.service.settings import Settings
from kerasearch.service.testing import is_gone
from kerasearch.service.trials import Trial, TrialState

RESULTS = Path(__file__).parent / "results" / "chaos.json"

PARTS = {"api": " api", "scheduler": " scheduler", "mirror": " mirror", "mlflow": "mlflow_server"}
"""Children of the supervisor, by their command line."""

KINDS = (*PARTS, "forkserver", "trial", "supervisor")

JOB = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {"layers": 1, "units_1": {"type": "int", "low": 16, "high": 256}},
    "budget": {"trials": 8, "epochs": 40},
    "training": {"early_stopping": None},
}
UNENDED = 2
"""Jobs that are kept going while there are kills to come."""

PAUSE_S = (0.5, 4.0)
"""Between a recovery and the next kill, drawn at random."""

RECOVERY_LIMIT_S = 120.0
END_LIMIT_S = 600.0
POLL_S = 0.05


@dataclass
class Chaos:
    """A service in its folder, the jobs it accepted, and what was done to it.

    Attributes:
        jobs: Number by id.
        accounts: What was counted in the end.
        search_s: By kind, seconds from each kill until an epoch ended.
        ready_s: By kind, seconds from each kill until every part was ready as well.
    """

    data_dir: Path
    draw: random.Random
    jobs: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    search_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ready_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def go(self, kills: int, limit_s: float) -> None:
        """Kill until it is enough or the time is up; then see every job to its end."""
        kinds = self._kinds(kills, time.monotonic() + limit_s)
        fell_at = None
        while True:
            with (
                running_service(self.data_dir, workers=2) as service,
                Client(service.url) as client,
            ):
                if fell_at is not None:
                    self._await_recovery(client, "supervisor", fell_at)
                fell_at = self._live(service, client, kinds)
                if fell_at is None:
                    for job_id in self.jobs:
                        until(partial(has_ended, client, job_id), END_LIMIT_S)
                    self.accounts = self._accounts(service, client)
                    return

    def _live(self, service: RunningService, client: Client, kinds: Iterator[str]) -> float | None:
        """Kill parts of one service; when it was itself killed, or None when it was not."""
        for kind in kinds:
            self._keep_busy(client)
            time.sleep(self.draw.uniform(*PAUSE_S))
            victim: psutil.Process = until(partial(self._victim, service, kind))
            killed_at = time.time()
            victim.kill()
            if kind == "supervisor":
                return killed_at
            until(partial(is_gone, victim))
            self._await_recovery(client, kind, killed_at, victim.pid)
        return None

    def _kinds(self, kills: int, deadline: float) -> Iterator[str]:
        """Each kind equally often, in an order drawn at random."""
        for number in range(kills):
            if number % len(KINDS) == 0:
                kinds = self.draw.sample(KINDS, len(KINDS))
            if time.monotonic() < deadline:
                yield kinds.pop()

    def _keep_busy(self, client: Client) -> None:
        running = sum(not client.job(job_id).state.ended for job_id in self.jobs)
        for _ in range(UNENDED - running):
            number = len(self.jobs)
            self.jobs[self._submit(client, number)] = number

    def _submit(self, client: Client, number: int) -> str:
        """Id of this job, however often it is posted."""
        search = {"engine": ("optuna", "hyperopt")[number % 2], "seed": number}
        request = {**JOB, "name": f"chaos-{number}", "search": search}
        return client.submit(request, idempotency_key=f"chaos {number}").id

    def _victim(self, service: RunningService, kind: str) -> psutil.Process | None:
        supervisor = psutil.Process(service.process.pid)
        if kind == "supervisor":
            return supervisor
        parts = {name: found(supervisor, mark) for name, mark in PARTS.items()}
        if kind in parts:
            return parts[kind]
        forkserver = parts["scheduler"] and found(parts["scheduler"], "multiprocessing.forkserver")
        if kind == "forkserver" or forkserver is None:
            return forkserver
        busy = {pid for (pid,) in self._query("SELECT pid FROM attempts WHERE ended_at IS NULL")}
        training = [process for process in forkserver.children() if process.pid in busy]
        return self.draw.choice(training) if training else None

    def _await_recovery(
        self, client: Client, kind: str, killed_at: float, pid: int | None = None
    ) -> None:
        run_dir = Settings(data_dir=self.data_dir).run_dir

        def ready() -> bool:
            sign = pulse(run_dir, kind) if kind in ("scheduler", "mirror") else None
            return (sign is None or sign.pid != pid) and client.is_ready()

        until(partial(self._goes_on, killed_at))
        self.search_s[kind].append(time.time() - killed_at)
        until(ready)
        self.ready_s[kind].append(time.time() - killed_at)

    def _goes_on(self, since: float) -> bool:
        """Whether an epoch ended since then, or there is nothing to train."""
        if self._query("SELECT 1 FROM outbox WHERE kind = 'report' AND at > ? LIMIT 1", since):
            return True
        return not self._query("SELECT 1 FROM jobs WHERE state IN ('queued', 'running') LIMIT 1")

    def _query(self, statement: str, *values: object) -> list[Any]:
        path = self.data_dir / "kerasearch.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(statement, values).fetchall()

    def _accounts(self, service: RunningService, client: Client) -> dict[str, int]:
        """What became of every job that was accepted and of every trial of it."""
        accounts = Counter[str]()
        tracking = mlflow.MlflowClient(f"{service.url}/mlflow")
        for job_id, number in self.jobs.items():
            job, trials = client.job(job_id), list(client.trials(job_id))
            accounts.update(jobs=1, trials=len(trials))
            accounts.update(count_lost(job, trials))
            accounts["duplicated"] += self._submit(client, number) != job_id
            wanted = 1 + len(trials)
            with suppress(TimeoutError):
                until(partial(has_runs, tracking, job, wanted))
            accounts["runs missing or too many in MLflow"] += abs(len(runs(tracking, job)) - wanted)
        return dict(accounts)


def count_lost(job: Job, trials: list[Trial]) -> Counter[str]:
    """Lost is what was promised and isn't there; duplicated is what counted twice."""
    found = Counter[str]()
    found["lost"] += job.state is not JobState.COMPLETED
    found["lost"] += job.request.budget.trials - len(trials)
    found["duplicated"] += len(trials) - len({trial.number for trial in trials})
    found["duplicated"] += len(trials) - len({str(sorted(t.params.items())) for t in trials})
    for trial in trials:
        outcomes = [attempt.outcome for attempt in trial.attempts]
        complete = outcomes.count(TrialState.COMPLETE)
        given_up = trial.state is TrialState.FAILED
        found["given up after three attempts"] += given_up
        found["lost"] += not given_up and not (complete and trial.value is not None)
        found["duplicated"] += max(0, complete - 1)
        found["run again"] += len(outcomes) - 1
    return found


def runs(tracking: mlflow.MlflowClient, job: Job) -> list[Any]:
    """Finished or failed runs of a job; a run that still goes on isn't mirrored."""
    experiment = tracking.get_experiment_by_name(job.name)
    if experiment is None:
        return []
    own = f"tags.`kerasearch.job` = '{job.id}' AND attributes.status != 'RUNNING'"
    return list(tracking.search_runs([experiment.experiment_id], own))


def found(parent: psutil.Process, mark: str) -> psutil.Process | None:
    for child in parent.children():
        with suppress(psutil.NoSuchProcess):
            if mark in " ".join(child.cmdline()):
                return child
    return None


def has_runs(tracking: mlflow.MlflowClient, job: Job, number: int) -> bool:
    return len(runs(tracking, job)) == number


def has_ended(client: Client, job_id: str) -> bool:
    return client.job(job_id).state.ended


def until(holds: Callable[[], Any], within_s: float = RECOVERY_LIMIT_S) -> Any:
    """What `holds` gives once it gives something; one that is gone gives nothing."""
    deadline = time.monotonic() + within_s
    while True:
        with suppress(psutil.NoSuchProcess, ClientError):
            if given := holds():
                return given
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s")
        time.sleep(POLL_S)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--limit-s", type=float, default=3600, help="no more kills after this")
    options.add_argument("--results", type=Path, default=RESULTS)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        chaos = Chaos(Path(folder), random.Random(given.seed))
        try:
            chaos.go(given.kills, given.limit_s)
        except TimeoutError:
            print((Path(folder) / "service.log").read_text()[-20_000:])
            raise
    show(chaos, given.results)


def show(chaos: Chaos, results: Path) -> None:
    figures: dict[str, float] = {"kills": sum(map(len, chaos.search_s.values())), **chaos.accounts}
    for what, by_kind in (
        ("the search goes on", chaos.search_s),
        ("every part is ready", chaos.ready_s),
    ):
        every = [seconds for kind in by_kind.values() for seconds in kind]
        figures[f"{what}, median, s"] = statistics.median(every)
        figures[f"{what}, longest, s"] = max(every)
        for kind, seconds in sorted(by_kind.items()):
            name = f"{what} after a kill of {kind}, median of {len(seconds)}, s"
            figures[name] = statistics.median(seconds)
    table = Table("measured", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value}" if isinstance(value, int) else f"{value:.1f}")
    Console().print(table)
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
