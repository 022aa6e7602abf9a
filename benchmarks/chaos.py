"""What kill -9 costs: processes of every kind are killed at random while jobs run, all is counted.

    .venv/bin/python benchmarks/chaos.py --kills 100 [--database postgresql]

Prints a table and writes benchmarks/results/chaos.json, or chaos-postgresql.json. Exit code 1: what
has to be 0 isn't, or fewer kills than asked for were done within the limit.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import psutil
from figures import RESULTS, publish
from mirrored_runs import ended_runs

from kerasearch.service.answers import ClientError
from kerasearch.service.client import Client
from kerasearch.service.errors import Unavailable
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.own_postgresql import OwnPostgreSQL, own_postgresql
from kerasearch.service.process import pulse
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.testing import is_gone
from kerasearch.service.trials import Trial, TrialState

PARTS = {"api": " api", "scheduler": " scheduler", "mirror": " mirror", "mlflow": "mlflow_server"}
"""Children of the supervisor, by their command line."""

KINDS = (*PARTS, "forkserver", "trial", "supervisor")
"""And PostgreSQL's server, where there is one."""

BEGINS_ANEW = ("scheduler", "forkserver", "supervisor")
"""What takes every trial process with it: the search goes on with an epoch of a new attempt."""

REPORTED = """
SELECT min(reports.at) FROM reports JOIN attempts
ON attempts.trial_id = reports.trial_id AND attempts.number = reports.attempt
WHERE reports.at > {at} AND attempts.started_at > {since}
"""

JOB = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {"layers": 1, "units_1": {"type": "int", "low": 16, "high": 256}},
    "budget": {"trials": 8, "epochs": 40},
    "training": {"early_stopping": None},
}
NONE_OF = ("lost", "duplicated", "runs missing or too many in MLflow")
"""What has to be 0."""

UNENDED = 2
"""Jobs that are kept going while there are kills to come."""

PAUSE_S = (0.5, 4.0)
"""Between a recovery and the next kill, drawn at random."""

HURRIED_PAUSE_S = (0.1, 1.0)
"""Between two kills when recovery isn't waited for."""

DOWN_S = 1.0
"""That PostgreSQL stays away."""

RECOVERY_LIMIT_S = 120.0
END_LIMIT_S = 600.0
POLL_S = 0.05


@dataclass
class Chaos:
    """A service in its folder, the jobs it accepted, and what was done to it.

    Attributes:
        server: PostgreSQL's, if the service uses it.
        hurry: Kill the next before the last is back; no times are measured.
        jobs: Number by id.
        accounts: What was counted in the end.
        search_s: By kind, seconds from each kill until an epoch ended.
        ready_s: By kind, seconds from each kill until every part was ready as well.
    """

    data_dir: Path
    draw: random.Random
    server: OwnPostgreSQL | None = None
    hurry: bool = False
    database: Database | None = None
    kills: Counter[str] = field(default_factory=Counter)
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
                    until(client.is_ready)
                    self.accounts = self._accounts(service, client)
                    return

    def _live(self, service: RunningService, client: Client, kinds: Iterator[str]) -> float | None:
        """Kill parts of one service; when it was itself killed, or None when it was not."""
        for kind in kinds:
            until(partial(self._keep_busy, client))
            time.sleep(self.draw.uniform(*(HURRIED_PAUSE_S if self.hurry else PAUSE_S)))
            if kind == "postgresql":
                killed_at = time.time()
                self._restart_server()
                self._await_recovery(client, kind, killed_at)
                continue
            victim: psutil.Process = until(partial(self._victim, service, kind))
            killed_at = time.time()
            victim.kill()
            if kind == "supervisor":
                return killed_at
            until(partial(is_gone, victim))
            self._await_recovery(client, kind, killed_at, victim.pid)
        return None

    def _restart_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        time.sleep(DOWN_S)
        self.server.start()

    def _kinds(self, kills: int, deadline: float) -> Iterator[str]:
        """Each kind equally often, in an order drawn at random."""
        every = (*KINDS, "postgresql") if self.server else KINDS
        kinds: list[str] = []
        for _ in range(kills):
            kinds = kinds or self.draw.sample(every, len(every))
            if time.monotonic() < deadline:
                yield kinds.pop()

    def _keep_busy(self, client: Client) -> bool:
        running = sum(not client.job(job_id).state.ended for job_id in self.jobs)
        for _ in range(UNENDED - running):
            number = len(self.jobs)
            self.jobs[self._submit(client, number)] = number
        return True

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
        busy = {row.pid for row in self._query("SELECT pid FROM attempts WHERE ended_at IS NULL")}
        training = [process for process in forkserver.children() if process.pid in busy]
        return self.draw.choice(training) if training else None

    def _await_recovery(
        self, client: Client, kind: str, killed_at: float, pid: int | None = None
    ) -> None:
        """Wait until an epoch has ended since, and every part is ready; note when."""
        self.kills[kind] += 1
        if self.hurry:
            return
        run_dir = Settings(data_dir=self.data_dir).run_dir

        def ready() -> bool:
            sign = pulse(run_dir, kind) if kind in ("scheduler", "mirror") else None
            return (sign is None or sign.pid != pid) and client.is_ready()

        went_on_at = until(partial(self._went_on_at, killed_at, kind))
        self.search_s[kind].append(went_on_at - killed_at)
        until(ready)
        self.ready_s[kind].append(time.time() - killed_at)

    def _went_on_at(self, since: float, kind: str) -> float | None:
        """When the first epoch ended since then; now, if there is nothing to train."""
        begun = since if kind in BEGINS_ANEW else 0.0
        (row,) = self._query(REPORTED.format(at=since, since=begun))
        if row[0] is not None:
            return float(row[0])
        going_on = self._query("SELECT 1 FROM jobs WHERE state IN ('queued', 'running') LIMIT 1")
        return None if going_on else time.time()

    def _query(self, statement: str) -> list[Any]:
        if self.database is None:
            self.database = Database(Settings(data_dir=self.data_dir).database_url)
        with self.database.read() as tx:
            return list(tx.exec_driver_sql(statement))

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
            shown = len(ended_runs(tracking, job))
            accounts["runs missing or too many in MLflow"] += abs(shown - wanted)
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


def found(parent: psutil.Process, mark: str) -> psutil.Process | None:
    for child in parent.children():
        with suppress(psutil.NoSuchProcess):
            if mark in " ".join(child.cmdline()):
                return child
    return None


def has_runs(tracking: mlflow.MlflowClient, job: Job, number: int) -> bool:
    return len(ended_runs(tracking, job)) == number


def has_ended(client: Client, job_id: str) -> bool:
    return client.job(job_id).state.ended


def until(holds: Callable[[], Any], within_s: float = RECOVERY_LIMIT_S) -> Any:
    """What `holds` gives once it gives something; one that is gone gives nothing."""
    deadline = time.monotonic() + within_s
    while True:
        with suppress(psutil.NoSuchProcess, ClientError, Unavailable):
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
    options.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options.add_argument("--hurry", action="store_true", help="wait for no recovery")
    options.add_argument("--results", type=Path)
    given = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        chaos = Chaos(folder, random.Random(given.seed), hurry=given.hurry)
        name = "chaos.json"
        if given.database == "postgresql":
            name = "chaos-postgresql.json"
            try:
                chaos.server = stack.enter_context(own_postgresql())
            except FileNotFoundError as missing:
                print(f"left out: {missing}")
                return
            os.environ["KERASEARCH_DATABASE_URL"] = chaos.server.url()
        try:
            chaos.go(given.kills, given.limit_s)
        except TimeoutError:
            print((folder / "service.log").read_text()[-20_000:])
            raise
    publish(figures_of(chaos, given.database), given.results or RESULTS / name)
    if chaos.kills.total() < given.kills:
        sys.exit(f"only {chaos.kills.total()} of {given.kills} kills within {given.limit_s:g} s")
    if any(chaos.accounts[what] for what in NONE_OF):
        sys.exit(f"{', '.join(NONE_OF)}: not all are 0")


def figures_of(chaos: Chaos, database: str) -> dict[str, float | str]:
    figures: dict[str, float | str] = {
        "database": database,
        "kills": chaos.kills.total(),
        **chaos.accounts,
    }
    for what, by_kind in (
        ("the search goes on", chaos.search_s),
        ("every part is ready", chaos.ready_s),
    ):
        every = [seconds for kind in by_kind.values() for seconds in kind]
        if every:
            figures[f"{what}, median, s"] = statistics.median(every)
            figures[f"{what}, longest, s"] = max(every)
        for kind, seconds in sorted(by_kind.items()):
            name = f"{what} after a kill of {kind}, median of {len(seconds)}, s"
            figures[name] = statistics.median(seconds)
    return figures


if __name__ == "__main__":
    main()
