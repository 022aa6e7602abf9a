"""What the service costs around training: a trial, its place in MLflow, and as searches grow.

    .venv/bin/python benchmarks/overhead.py [--trials 16,60] [--only service,growth] [--of lstm]

`service`: the same trials, one at a time, by a service and in a bare process that builds, trains
and judges them by the same code; to stay below 5 % and 0.25 s a trial. MLflow's part is what the
mirror and its server took of the processor until every trial was shown; to stay below 0.1 s a
trial together. A job more trials long shows what of that is a job's and not a trial's, and `--of`
whose trials those are: MLPs on digits of up to 40 epochs, or LSTMs on epidemic curves of 10.
`growth`: what an ask, a report and a trial's record cost after so many trials.
Prints tables and writes benchmarks/results/overhead.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from metering import cpu_seconds
from peers import PATIENCE, SPLIT, await_mirror, finished
from rich.console import Console
from rich.table import Table
from workloads import WORKLOADS

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobRequest
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.studies import study_of
from kerasearch.service.store import jobs as jobs_store
from kerasearch.service.store import leases
from kerasearch.service.store import trials as trials_store
from kerasearch.service.store.database import Database
from kerasearch.service.store.leases import Lease
from kerasearch.service.testing import accept, complete, new_database
from kerasearch.service.trials import TrialState

RESULTS = Path(__file__).parent / "results" / "overhead.json"
COUNTS = (10, 100, 1_000, 10_000)
REPEATS = 5

PARTS = {
    "API": " api",
    "scheduler": " scheduler",
    "trial process": "forkserver",
    "mirror": " mirror",
    "MLflow": "mlflow_server",
}
"""Of the service, by their command line."""

MLP = {
    "model": "mlp",
    "data": {"dataset": "digits", "split": SPLIT},
    "space": {
        "layers": 2,
        "units_1": {"type": "choice", "values": [32, 64]},
        "units_2": 32,
        "activation": "relu",
        "batch_norm": False,
        "input_dropout": 0.0,
        "dropout": 0.1,
        "regularization": "none",
        "optimizer": "adam",
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
        "batch_size": 32,
    },
    "search": {"sampler": "random", "pruner": "none"},
    "training": {"early_stopping": {"patience": PATIENCE}},
    "resources": {"parallel": 1},
}
LSTM = {
    **MLP,
    "model": "recurrent",
    "data": {"dataset": "epidemic-curves", "split": SPLIT},
    "space": {
        **WORKLOADS["lstm"].fixed,
        "units": {"type": "choice", "values": [10, 20]},
        "learning_rate": {"type": "float", "low": 1e-3, "high": 1e-2, "log": True},
        "batch_size": 64,
    },
}
JOBS = {"mlp": (MLP, 40), "lstm": (LSTM, 10)}
"""And how many epochs their trials have at most."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", default="16,60")
    parser.add_argument("--of", choices=JOBS, default="mlp")
    parser.add_argument("--only", default="service,growth")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        return run_bare(json.loads(given.bare))
    figures = {}
    if "service" in given.only:
        counts = map(int, given.trials.split(","))
        figures[f"service, {given.of}"] = measure_service(given.of, list(counts))
    if "growth" in given.only:
        figures["growth"] = measure_growth()
    show(figures)
    return None


def measure_service(kind: str, counts: list[int]) -> dict[str, dict[str, float]]:
    job, epochs = JOBS[kind]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), workers=1) as service,
        Client(service.url) as client,
    ):
        # Two architectures: each is compiled before what is measured.
        finished(client, client.submit({**job, "budget": {"trials": 6, "epochs": 2}}))
        await_mirror(service)
        return {
            f"{count} trials of up to {epochs} epochs": _costs_of(
                service, client, {**job, "budget": {"trials": count, "epochs": epochs}}
            )
            for count in counts
        }


def _costs_of(service: RunningService, client: Client, asked: dict[str, Any]) -> dict[str, float]:
    """Of one job; its trials are repeated in a bare process once MLflow shows them."""
    count = asked["budget"]["trials"]
    parts = {name: _pid_of(service.process.pid, mark) for name, mark in PARTS.items()}
    before = _cpu_of(parts)
    begun = time.monotonic()
    job = finished(client, client.submit(asked))
    wall_s = time.monotonic() - begun
    await_mirror(service)
    cpu = {name: cpu_s - before[name] for name, cpu_s in _cpu_of(parts).items()}
    trials = list(client.trials(job.id))
    first_s = min(t.attempts[0].started_at for t in trials) - job.created_at
    repeated = {
        "job": asked,
        "trials": [[trial.params, trial.seed] for trial in trials],
    }
    command = [sys.executable, __file__, f"--bare={json.dumps(repeated)}"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    bare_s, bare_cpu_s = map(float, output.split())
    return {
        "service, s": wall_s,
        "bare process, s": bare_s,
        "more, %": 100 * (wall_s / bare_s - 1),
        "more, s a trial": (wall_s - bare_s) / count,
        "first trial after, s": first_s.total_seconds(),
        "CPU s a trial: bare": bare_cpu_s / count,
        **{name: cpu_s / count for name, cpu_s in cpu.items()},
        "MLflow and mirror": (cpu["mirror"] + cpu["MLflow"]) / count,
    }


def _cpu_of(parts: dict[str, int]) -> dict[str, float]:
    """Seconds so far; trial processes are below the scheduler."""
    cpu = {name: cpu_seconds([pid]) for name, pid in parts.items()}
    return cpu | {"scheduler": cpu["scheduler"] - cpu["trial process"]}


def _pid_of(parent: int, mark: str) -> int:
    children = psutil.Process(parent).children(recursive=True)
    return next(child.pid for child in children if mark in " ".join(child.cmdline()))


def run_bare(given: dict[str, Any]) -> None:
    """Train the trials in this process; print the seconds, and those of the processor, it took."""
    from kerasearch.service.process import silent_stderr

    with silent_stderr():
        import tensorflow as tf

        from kerasearch.models import load_family
        from kerasearch.models.datasets import load_builtin
        from kerasearch.models.evaluation import evaluate
        from kerasearch.models.plan import EarlyStopping, TrainingPlan
        from kerasearch.models.training import train
        from kerasearch.models.training_data import training_data

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        job = JobRequest.model_validate(given["job"])
        dataset = load_builtin(job.data.dataset)
        split = dataset.split(job.data.split)

        def run(params: dict[str, float], seed: int, epochs: int) -> None:
            data = training_data(
                dataset,
                split.train,
                split.validation,
                task="classification",
                scale="standard",
                params=params,
            )
            plan = TrainingPlan(epochs, early_stopping=EarlyStopping(patience=PATIENCE))
            family = load_family(job.model)(data.shape)
            trained = train(family, params, data.parts, plan, seed, lambda *_: True)
            evaluate(trained.model, data.validation, data.shape)

        for params, seed in given["trials"][:8]:  # as the service was warm
            run(params, seed, 2)
        begun, begun_cpu = time.monotonic(), time.process_time()
        for params, seed in given["trials"]:
            run(params, seed, job.budget.epochs)
    print(time.monotonic() - begun, time.process_time() - begun_cpu)


def measure_growth() -> dict[str, dict[str, float]]:
    return {f"{count:,} trials": _costs_after(count) for count in COUNTS}


def _costs_after(count: int) -> dict[str, float]:
    """Medians, ms."""
    with tempfile.TemporaryDirectory() as folder:
        database = new_database(Path(folder))
        job_id = accept(database, budget={"trials": 100_000}, search={"seed": 1})
        with database.read() as tx:
            job: Job = jobs_store.read_job(tx, job_id)
        study = study_of(job.request)
        study.replay(
            PastTrial(n, study_params(n), TrialState.COMPLETE, ((n * 7919 % 1000) / 1000,))
            for n in range(count)
        )
        with database.write() as tx:
            for number in range(count):
                trials_store.add_trial(tx, job_id, number, study_params(number), seed=number)
        asks, reports, records = [], [], []
        for number in range(count, count + REPEATS):
            asks.append(timed(lambda: _ask_and_tell(study)))
            with database.write() as tx:
                params = study_params(number)
                lease = leases.place(tx, trials_store.add_trial(tx, job_id, number, params, 0))
                leases.begin(tx, lease, 1, "cpu")
            reports.append(timed(partial(_report, database, lease)))
            records.append(timed(partial(_record, database, lease)))
        database.close()
    rows = {"ask, ms": asks, "report, ms": reports, "record, ms": records}
    return {name: 1000 * statistics.median(values) for name, values in rows.items()}


def _report(database: Database, lease: Lease) -> None:
    with database.write() as tx:
        leases.report(tx, lease, {1: {"loss": 1.0, "val_loss": 1.0, "val_accuracy": 0.5}})


def _record(database: Database, lease: Lease) -> None:
    with database.write() as tx:
        leases.finish(tx, lease, complete(0.5))


def study_params(number: int) -> dict[str, object]:
    return {
        "layers": 1,
        "units_1": (16, 32, 64, 128, 256)[number % 5],
        "activation": ("relu", "gelu", "tanh")[number % 3],
        "batch_norm": number % 2 == 0,
        "dropout": number * 31 % 500 / 1000,
        "optimizer": ("adam", "nadam", "rmsprop")[number % 3],
        "learning_rate": 1e-4 * 100 ** (number * 17 % 1000 / 1000),
        "batch_size": (32, 64, 128)[number % 3],
    }


def _ask_and_tell(study: object) -> None:
    asked = study.ask()
    study.tell(asked.number, 0.5)


def timed(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def show(figures: dict[str, dict[str, dict[str, float]]]) -> None:
    for part, rows in figures.items():
        table = Table("", *rows, title=part)
        for name in next(iter(rows.values())):
            table.add_row(name, *(f"{values[name]:.3g}" for values in rows.values()))
        Console().print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
