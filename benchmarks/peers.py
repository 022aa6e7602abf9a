"""Trials an hour of Kerasearch, through its HTTP API, and of others on the same machine.

    .venv/bin/python benchmarks/peers.py --rounds 3 --workloads lstm,mlp,cnn

Everybody trains the same fixed configurations (`workloads.py`) for as many epochs at most, by the
same rules (`contenders.py`); the contenders take turns, each figure is a median over the rounds.
Time counts from the submission to a service that is started and has run another job, of the others
from the end of their imports; processor time includes all that the service does, the mirror's and
MLflow's work until every trial is shown there. The others don't record in MLflow.
`keras-tuner` and the like are run as their users run them: one process with TensorFlow's own
threads; `x2` is two processes of one thread, each with half of the configurations.
Prints a table and writes benchmarks/results/peers.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from metering import metered
from rich.console import Console
from rich.table import Table
from workloads import PATIENCE, SPLIT, WORKLOADS, Workload, write_csv

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.store import events
from kerasearch.service.store.database import Database
from kerasearch.service.trials import identity_of

RESULTS = Path(__file__).parent / "results" / "peers.json"
OTHERS = ("keras-tuner", "optuna", "ray-tune", "process-a-trial")
CONTENDERS = (
    "kerasearch",
    *OTHERS,
    *(f"{name} x2" for name in ("keras-tuner", "optuna", "process-a-trial")),
)
TABLE = "generated-table"

WARM_UP = {
    "model": "mlp",
    "data": {"dataset": "breast-cancer"},
    "budget": {"trials": 4, "epochs": 2},
}
"""So that every trial process has run some of TensorFlow, as in a service that is in use."""


@dataclass(frozen=True)
class Run:
    """One contender's run of one workload.

    Attributes:
        wall_s: From the submission, or the end of the imports, until the last trial has ended.
        epochs: Trained in all: early stopping makes them differ.
        best: Validation accuracy of any trial's any epoch.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    trials: int
    epochs: int
    best: float

    @property
    def trials_an_hour(self) -> float:
        return 3600 * self.trials / self.wall_s


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--configurations", type=int, default=12)
    given = parser.parse_args()
    names, contenders = given.workloads.split(","), given.contenders.split(",")
    if "ray-tune" in contenders and find_spec("ray") is None:
        print("ray isn't installed: left out")
        contenders.remove("ray-tune")
    runs: dict[str, dict[str, list[Run]]] = {name: {} for name in names}
    for turn in range(given.rounds):
        for name in names:
            for contender in contenders:
                run = measure(contender, name, given.configurations)
                print(f"round {turn + 1}: {name}, {contender}: {run}", flush=True)
                runs[name].setdefault(contender, []).append(run)
    show(runs)


def measure(contender: str, workload: str, count: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        if contender == "kerasearch":
            return by_kerasearch(WORKLOADS[workload], count, Path(folder))
        name, _, processes = contender.partition(" x")
        return by_processes(name, workload, count, int(processes or 1), Path(folder))


def by_kerasearch(workload: Workload, count: int, folder: Path) -> Run:
    with running_service(folder / "data") as service, Client(service.url) as client:
        if workload.dataset is None:
            write_csv(workload.load(), folder / "table.csv")
            client.add_dataset(
                folder / "table.csv", name=TABLE, kind="tabular", schema={"target": "label"}
            )
        finished(client, client.submit(WARM_UP))
        await_mirror(service)
        choices = {
            name: {"type": "choice", "values": values}
            for name, values in workload.varied_in(count).items()
        }
        request = {
            "model": workload.family,
            "data": {"dataset": workload.dataset or TABLE, "split": SPLIT},
            "space": {**workload.fixed, **choices},
            # No configuration is drawn twice, so this many are all of them.
            "search": {"sampler": "random", "pruner": "none"},
            "budget": {"trials": count, "epochs": workload.epochs},
            "training": {"early_stopping": {"patience": PATIENCE}},
        }
        with metered([service.process.pid]) as meter:
            begun = time.monotonic()
            job = finished(client, client.submit(request))
            wall_s = time.monotonic() - begun
            await_mirror(service)
        trials = list(client.trials(job.id))
        trained = [trial.params for trial in trials]
        wanted = Counter(map(identity_of, workload.configurations(count)))
        if Counter(map(identity_of, trained)) != wanted:
            raise RuntimeError(f"not what the others train: {trained}")
        if job.best is None:
            raise RuntimeError(f"the job ended as {job}")
        epochs = sum(len(trial.curves["loss"]) for trial in trials)
        best = max(value for trial in trials for value in trial.curves["val_accuracy"])
        return Run(wall_s, meter.cpu_s, meter.peak_mib, count, epochs, best)


def finished(client: Client, job: Job) -> Job:
    """The job when it has ended; asked as often as someone might who waits for it."""
    while not (job := client.job(job.id)).state.ended:
        time.sleep(0.2)
    return job


def await_mirror(service: RunningService) -> None:
    """Until MLflow shows all that has happened."""
    database = Database(f"sqlite:///{service.data_dir / 'kerasearch.db'}")
    while True:
        with database.read() as tx:
            if not events.to_mirror(tx, 1):
                break
        time.sleep(0.5)
    database.close()


def by_processes(name: str, workload: str, count: int, number: int, folder: Path) -> Run:
    script = Path(__file__).with_name("contenders.py")
    log = (folder / "log").open("wb")
    processes = [
        subprocess.Popen(
            [sys.executable, script, name, workload, str(count), folder, f"--part={i}/{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        for i in range(number)
    ]
    try:
        for process in processes:
            while (line := process.stdout.readline().strip()) != "ready":
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended at its start: {_said(folder)}")
        with metered([process.pid for process in processes]) as meter:
            begun = time.monotonic()
            for process in processes:
                process.stdin.write("\n")
                process.stdin.flush()
            results = []
            for process in processes:
                while not (line := process.stdout.readline()).startswith("["):
                    if not line:
                        raise RuntimeError(f"{name} ended too early: {_said(folder)}")
                results += json.loads(line)
            wall_s = time.monotonic() - begun
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        log.close()
    best = max(result["value"] for result in results)
    epochs = sum(result["epochs"] for result in results)
    return Run(wall_s, meter.cpu_s, meter.peak_mib, len(results), epochs, best)


def _said(folder: Path) -> str:
    return (folder / "log").read_text()[-3000:]


def show(runs: dict[str, dict[str, list[Run]]]) -> None:
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for workload, of_workload in runs.items():
        medians = figures[workload] = {
            contender: {
                "trials/h": statistics.median(run.trials_an_hour for run in its),
                "wall s": statistics.median(run.wall_s for run in its),
                "CPU s": statistics.median(run.cpu_s for run in its),
                "peak MiB": statistics.median(run.peak_mib for run in its),
                "epochs": statistics.median(run.epochs for run in its),
                "best": statistics.median(run.best for run in its),
            }
            for contender, its in of_workload.items()
        }
        columns = list(next(iter(medians.values())))
        table = Table("", *columns, "Kerasearch is faster by", title=f"{workload}, medians")
        ours = medians.get("kerasearch")
        for contender, values in medians.items():
            ratio = f"{ours['trials/h'] / values['trials/h']:.1f}" if ours else ""
            shown = (f"{values[c]:.3f}" if c == "best" else f"{values[c]:,.0f}" for c in columns)
            table.add_row(contender, *shown, ratio)
        Console(width=110).print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    raw = {
        workload: {name: [asdict(run) for run in its] for name, its in of_workload.items()}
        for workload, of_workload in runs.items()
    }
    RESULTS.write_text(json.dumps({"medians": figures, "runs": raw}, indent=2) + "\n")


if __name__ == "__main__":
    main()
