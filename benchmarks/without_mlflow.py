"""What a job loses while MLflow stands still: nothing, and no time.

    .venv/bin/python benchmarks/without_mlflow.py --rounds 3

The same job, with and without MLflow by turns, in one service whose processes are warm. Prints a
table and writes benchmarks/results/without_mlflow.json.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import mlflow
import psutil
from figures import RESULTS, publish
from mirrored_runs import ended_runs

from kerasearch.service.client import Client
from kerasearch.service.launching import running_service
from kerasearch.service.trials import Params

JOB = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "space": {"layers": 1, "units_1": {"type": "int", "low": 16, "high": 128, "step": 16}},
    "budget": {"trials": 12, "epochs": 60},
    "search": {"sampler": "random"},  # whose draws depend on no trial's end
    "training": {"early_stopping": None},
}
MIRRORED_WITHIN_S = 300.0
POLL_S = 0.05

Results = dict[int, tuple[Params, float | None]]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--results", type=Path, default=RESULTS / "without_mlflow.json")
    given = options.parse_args()
    seconds: dict[bool, list[float]] = {True: [], False: []}
    alike, missing = True, 0
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        running_service(Path(name), workers=2) as service,
        Client(service.url) as client,
    ):
        tracking = mlflow.MlflowClient(f"{service.url}/mlflow")
        server = part_of(service.process.pid, "mlflow_server")
        _, expected = run(client, "warm")
        for number in range(given.rounds):
            for up in (True, False) if number % 2 else (False, True):
                with nullcontext() if up else standing_still(server):
                    took_s, results = run(client, f"{number}-{'with' if up else 'without'}")
                seconds[up].append(took_s)
                alike = alike and results == expected
                missing += await_mirror(client, tracking)
    with_it, without = statistics.median(seconds[True]), statistics.median(seconds[False])
    figures: dict[str, float | str] = {
        "rounds": given.rounds,
        "job with MLflow, median, s": with_it,
        "job without MLflow, median, s": without,
        "without against with": without / with_it,
        "the same results": "yes" if alike else "no",
        "runs missing or too many in MLflow afterwards": missing,
    }
    publish(figures, given.results)


def run(client: Client, name: str) -> tuple[float, Results]:
    """Seconds that the job took, and what its trials came to."""
    job_id = client.submit({**JOB, "name": name}).id
    while not (job := client.job(job_id)).state.ended:
        time.sleep(POLL_S)
    assert job.ended_at is not None
    assert job.started_at is not None
    results = {trial.number: (trial.params, trial.value) for trial in client.trials(job_id)}
    return (job.ended_at - job.started_at).total_seconds(), results


def await_mirror(client: Client, tracking: mlflow.MlflowClient) -> int:
    """Wait until MLflow shows the newest job; runs of it that are missing or too many."""
    job = next(client.jobs())
    deadline = time.monotonic() + MIRRORED_WITHIN_S
    while len(found := ended_runs(tracking, job)) < 1 + job.progress.done:
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return abs(len(found) - 1 - job.progress.done)


@contextmanager
def standing_still(process: psutil.Process) -> Iterator[None]:
    """It takes connections and answers none: worse than being gone, which is refused at once."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def part_of(supervisor: int, mark: str) -> psutil.Process:
    children = psutil.Process(supervisor).children()
    return next(child for child in children if mark in " ".join(child.cmdline()))


if __name__ == "__main__":
    main()
