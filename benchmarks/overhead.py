"""What the service costs around training: a trial, its place in MLflow, and as searches grow.

    .venv/bin/python benchmarks/overhead.py [--trials 16,60] [--rounds 3] [--only service,growth]

`service`: the same trials, one at a time, by a service and in a bare process that builds, trains
and judges them by the same code, job by job in turns; to stay below 5 % and 0.25 s a trial.
MLflow's part is what the mirror and its server took of the processor until every trial was shown;
to stay below 0.1 s a trial together. A job more trials long shows what of that is a job's and not a
trial's, and `--of lstm` trains LSTMs on epidemic curves for up to 10 epochs in place of MLPs on
digits for up to 40.
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
from workloads import WORKLOADS, data_of

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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        return run_bare()
    figures = {}
    if "service" in given.only:
        counts = map(int, given.trials.split(","))
        figures[f"service, {given.of}"] = measure_service(given.of, list(counts), given.rounds)
    if "growth" in given.only:
        figures["growth"] = measure_growth()
    show(figures)
    return None


def measure_service(kind: str, counts: list[int], rounds: int) -> dict[str, dict[str, float]]:
    job, epochs = JOBS[kind]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), workers=1) as service,
        Client(service.url) as client,
        subprocess.Popen(
            [sys.executable, __file__, "--bare"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as bare,
    ):
        # Two architectures: each is compiled, on both sides, before what is measured.
        _costs_of(service, client, bare, {**job, "budget": {"trials": 6, "epochs": 2}})
        figures = {}
        for count in counts:
            asked = {**job, "budget": {"trials": count, "epochs": epochs}}
            taken = [_costs_of(service, client, bare, asked) for _ in range(rounds)]
            figures[f"{count} trials of up to {epochs} epochs"] = _summed(taken, count)
    return figures


def _costs_of(
    service: RunningService,
    client: Client,
    bare: subprocess.Popen[str],
    asked: dict[str, Any],
) -> dict[str, float]:
    """Seconds of one job, whose trials the bare process repeats once MLflow shows them."""
    parts = {name: _pid_of(service.process.pid, mark) for name, mark in PARTS.items()}
    before = _cpu_of(parts)
    begun = time.monotonic()
    job = finished(client, client.submit(asked))
    wall_s = time.monotonic() - begun
    await_mirror(service)
    cpu = {name: cpu_s - before[name] for name, cpu_s in _cpu_of(parts).items()}
    trials = list(client.trials(job.id))
    first_s = min(t.attempts[0].started_at for t in trials) - job.created_at
    repeated = {"job": asked, "trials": [[trial.params, trial.seed] for trial in trials]}
    bare.stdin.write(json.dumps(repeated) + "\n")
    bare.stdin.flush()
    bare_s, bare_cpu_s = map(float, bare.stdout.readline().split())
    return {
        "service": wall_s,
        "bare process": bare_s,
        "first trial": first_s.total_seconds(),
        "bare CPU": bare_cpu_s,
        **cpu,
    }


def _summed(rounds: list[dict[str, float]], count: int) -> dict[str, float]:
    """Over all rounds, of `count` trials each; a round's share where it says so."""
    total = {name: sum(each[name] for each in rounds) for name in rounds[0]}
    trials = count * len(rounds)
    more = [100 * (each["service"] / each["bare process"] - 1) for each in rounds]
    cpu = {name: total[name] / trials for name in PARTS}
    return {
        "service, s": total["service"],
        "bare process, s": total["bare process"],
        "more, %": 100 * (total["service"] / total["bare process"] - 1),
        "of a round, %: median": statistics.median(more),
        "least": min(more),
        "most": max(more),
        "more, s a trial": (total["service"] - total["bare process"]) / trials,
        "first trial after, s": max(each["first trial"] for each in rounds),
        "CPU s a trial: bare": total["bare CPU"] / trials,
        **cpu,
        "MLflow and mirror": cpu["mirror"] + cpu["MLflow"],
    }


def _cpu_of(parts: dict[str, int]) -> dict[str, float]:
    """Seconds so far; trial processes are below the scheduler."""
    cpu = {name: cpu_seconds([pid]) for name, pid in parts.items()}
    return cpu | {"scheduler": cpu["scheduler"] - cpu["trial process"]}


def _pid_of(parent: int, mark: str) -> int:
    children = psutil.Process(parent).children(recursive=True)
    return next(child.pid for child in children if mark in " ".join(child.cmdline()))


def run_bare() -> None:
    """Train the trials of each line in this process; answer with the seconds, and of the CPU."""
    from kerasearch.service.process import silent_stderr

    with silent_stderr():
        import tensorflow as tf

        from kerasearch.models import load_family
        from kerasearch.models.datasets import load_builtin
        from kerasearch.models.evaluation import evaluate
        from kerasearch.models.plan import EarlyStopping, TrainingPlan
        from kerasearch.models.training import train

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for line in sys.stdin:
            given = json.loads(line)
            job = JobRequest.model_validate(given["job"])
            begun, begun_cpu = time.monotonic(), time.process_time()
            dataset = load_builtin(job.data.dataset)
            for params, seed in given["trials"]:
                data = data_of(dataset)
                stopping = EarlyStopping(patience=PATIENCE)
                plan = TrainingPlan(job.budget.epochs, early_stopping=stopping)
                family = load_family(job.model)(data.shape)
                trained = train(family, params, data.parts, plan, seed, lambda *_: True)
                evaluate(trained.model, data.validation, data.shape)
            print(time.monotonic() - begun, time.process_time() - begun_cpu, flush=True)


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
