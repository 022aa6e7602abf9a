"""How many jobs a second are accepted for good, and how fast long lists are shown, under load.

    .venv/bin/python benchmarks/load.py [--database postgresql]

Two trials train all the while. Prints a table and writes benchmarks/results/load.json.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from figures import RESULTS, publish

from kerasearch.service.client import Client
from kerasearch.service.launching import running_service
from kerasearch.service.own_postgresql import own_postgresql
from kerasearch.service.settings import Settings
from kerasearch.service.store import events, jobs, leases, trials
from kerasearch.service.store.database import Database
from kerasearch.service.testing import accept, complete

CLIENTS = (1, 16, 64)
SECONDS = 8.0
"""That each number of clients submits for."""

QUEUED = 1_000
TRIALS = 10_000
EPOCHS = 5
PAGES = 30
"""Of each list that are asked for."""

TRAINING = {
    "name": "training",
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {"layers": 1, "units_1": {"type": "int", "low": 16, "high": 256}},
    "budget": {"trials": 100_000, "epochs": 40},
    "training": {"early_stopping": None},
    "resources": {"parallel": 2},
    "priority": 10,  # no job that is submitted takes a slot from it
}
SUBMITTED = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "budget": {"trials": 1},
}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options.add_argument("--results", type=Path, default=RESULTS / "load.json")
    given = options.parse_args()
    figures: dict[str, float | str] = {"database": given.database}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, database(given.database):
        long_job = fill(Settings(data_dir=Path(name)))
        with running_service(Path(name), workers=2) as service, Client(service.url) as client:
            job_id = client.submit(TRAINING).id
            while not any(trial.values for trial in client.trials(job_id)):
                time.sleep(0.2)
            for path in ("/v1/jobs", f"/v1/jobs/{long_job}/trials"):
                time_pages(service.url, path)  # the first answer of a kind is slower
            figures |= {
                f"{QUEUED:,} jobs, a page of 50, median, ms": time_pages(service.url, "/v1/jobs"),
                f"{TRIALS:,} trials, a page of 100, median, ms": time_pages(
                    service.url, f"/v1/jobs/{long_job}/trials"
                ),
            }
            for clients in CLIENTS:
                took = submit(service.url, clients)
                took.sort()
                figures |= {
                    f"{clients} clients, jobs accepted a second": len(took) / SECONDS,
                    f"{clients} clients, p50, ms": 1000 * took[len(took) // 2],
                    f"{clients} clients, p99, ms": 1000 * took[int(len(took) * 0.99)],
                }
            training = client.job(job_id).progress
            figures["trials that ended meanwhile"] = training.done
    publish(figures, given.results)


@contextmanager
def database(kind: str) -> Iterator[None]:
    """Where the service, and what fills it, keep their tables."""
    if kind == "sqlite":
        yield
        return
    with own_postgresql() as server:
        os.environ["KERASEARCH_DATABASE_URL"] = server.url()
        yield


def fill(settings: Settings) -> str:
    """Queue the jobs and end the trials of a service that doesn't run; the id of their job."""
    settings.data_dir.mkdir(exist_ok=True)
    tables = Database(settings.database_url)
    tables.migrate()
    long_job = accept(tables, budget={"trials": TRIALS, "epochs": EPOCHS})
    with tables.write() as tx:
        jobs.start_job(tx, long_job)
        for number in range(TRIALS):
            lease = leases.place(tx, trials.add_trial(tx, long_job, number, params(number), number))
            assert lease is not None
            curve = {epoch: {"loss": 1 / epoch, "val_accuracy": 0.5} for epoch in range(1, EPOCHS)}
            leases.report(tx, lease, curve)
            leases.finish(tx, lease, complete(0.5 + number / TRIALS / 3))
        jobs.end_job(tx, long_job, jobs.JobState.COMPLETED, "its budget is used up")
    for _ in range(QUEUED):
        accept(tables)
    with tables.write() as tx:  # MLflow isn't what is measured
        while waiting := events.to_mirror(tx):
            events.mark_mirrored(tx, [event.id for event in waiting])
    tables.close()
    return long_job


def params(number: int) -> dict[str, object]:
    return {"layers": 1, "units_1": 16 + number, "learning_rate": 0.001, "dropout": 0.1}


def time_pages(url: str, path: str) -> float:
    """Median milliseconds of a page, one after the other from the first."""
    took, cursor = [], None
    with httpx.Client(base_url=url, timeout=60) as client:
        for _ in range(PAGES):
            began = time.perf_counter()
            answer = client.get(path, params={} if cursor is None else {"cursor": cursor})
            took.append(time.perf_counter() - began)
            cursor = answer.raise_for_status().json()["next"]
    return 1000 * statistics.median(took)


def submit(url: str, clients: int) -> list[float]:
    """Seconds of each submission; each client sends the next when the last is accepted."""
    took: list[float] = []
    until = time.monotonic() + SECONDS

    def go_on() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while time.monotonic() < until:
                began = time.perf_counter()
                client.post("/v1/jobs", json=SUBMITTED).raise_for_status()
                took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=go_on) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


if __name__ == "__main__":
    main()
