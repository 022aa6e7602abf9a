"""Wall time until a search finds what 40 random trials find, of Kerasearch and of others.

    .venv/bin/python benchmarks/time_to_quality.py --seeds 5 [--limit-s 1800] [--resume FILE]

The target of each seed is the best validation accuracy of 40 random trials that are trained to the
end: multilayer perceptrons on a generated table of 10,000 x 12, 30 epochs at most. Everybody then
searches the same space by `contenders.py`'s rules until an epoch reaches it, for so many seconds at
most: Kerasearch as a job with that target and no other setting, the others as their users run them.
Who hasn't reached it by then is counted with the limit, and how often that was is told.
Time counts as in `peers.py`. Prints a table and writes benchmarks/results/time_to_quality.json
after each seed, a quarter of an hour; `--resume` goes on after the seeds of such a file.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contenders import compiled_model, early_stopping
from peers import PATIENCE, SPLIT, TABLE, WARM_UP, await_mirror, finished
from rich.console import Console
from rich.table import Table
from workloads import data_of, generated_table, write_csv

from kerasearch.service.client import Client
from kerasearch.service.launching import RunningService, running_service
from kerasearch.service.process import die_with_parent, silent_stderr

RESULTS = Path(__file__).parent / "results" / "time_to_quality.json"
RANDOM_TRIALS, EPOCHS, MANY = 40, 30, 1000

CHOICES: dict[str, list[Any]] = {
    "units_1": [16, 32, 64, 128, 256],
    "units_2": [16, 32, 64, 128, 256],
    "activation": ["relu", "gelu", "tanh"],
    "batch_norm": [False, True],
    "optimizer": ["adam", "nadam", "rmsprop"],
    "batch_size": [32, 64, 128],
}
DROPOUT, LEARNING_RATE = (0.0, 0.5), (1e-4, 1e-2)

JOB = {
    "model": "mlp",
    "data": {"dataset": TABLE, "split": SPLIT},
    "space": {
        "layers": 2,
        "input_dropout": 0.0,
        "regularization": "none",
        **{name: {"type": "choice", "values": values} for name, values in CHOICES.items()},
        "dropout": {"type": "float", "low": DROPOUT[0], "high": DROPOUT[1]},
        "learning_rate": {
            "type": "float",
            "low": LEARNING_RATE[0],
            "high": LEARNING_RATE[1],
            "log": True,
        },
    },
    "training": {"early_stopping": {"patience": PATIENCE}},
}


class Searched:
    """What others search: trains params, and says and ends it once an epoch reaches the target."""

    def __init__(self, target: float) -> None:
        import keras

        self.data = data_of(generated_table())
        self.reached = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda _, logs: _say_and_end() if logs["val_accuracy"] >= target else None
        )

    def model(self, params: dict[str, Any]) -> Any:
        return compiled_model("mlp", self.data, {"layers": 2, **params})

    def fit(self, model: Any, batch_size: int, callbacks: list[Any]) -> float:
        history = model.fit(
            self.data.train.x,
            self.data.train.y,
            batch_size=batch_size,
            epochs=EPOCHS,
            validation_data=(self.data.validation.x, self.data.validation.y),
            callbacks=[self.reached, early_stopping(), *callbacks],
            verbose=0,
        )
        return float(max(history.history["val_accuracy"]))


def _say_and_end() -> None:
    print("reached", flush=True)
    os._exit(0)


def keras_tuner(kind: str) -> Callable[[Searched, int, Path], None]:
    def search(searched: Searched, seed: int, folder: Path) -> None:
        import keras_tuner

        class Hyper(keras_tuner.HyperModel):  # type: ignore[misc]
            def build(self, hp: Any) -> Any:
                params = {name: hp.Choice(name, values) for name, values in CHOICES.items()}
                params["dropout"] = hp.Float("dropout", *DROPOUT)
                params["learning_rate"] = hp.Float("learning_rate", *LEARNING_RATE, sampling="log")
                return searched.model(params)

            def fit(self, hp: Any, model: Any, *args: Any, **options: Any) -> Any:
                return model.fit(*args, batch_size=hp.get("batch_size"), **options)

        options = {"objective": "val_accuracy", "seed": seed + 1, "directory": folder}
        if kind == "hyperband":
            tuner = keras_tuner.Hyperband(
                Hyper(), max_epochs=EPOCHS, hyperband_iterations=MANY, **options
            )
        else:
            tuner = keras_tuner.BayesianOptimization(Hyper(), max_trials=MANY, **options)
        tuner.search(
            searched.data.train.x,
            searched.data.train.y,
            epochs=EPOCHS,
            validation_data=(searched.data.validation.x, searched.data.validation.y),
            callbacks=[searched.reached, early_stopping()],
            verbose=0,
        )

    return search


def optuna_hyperband(searched: Searched, seed: int, folder: Path) -> None:
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        params = {name: trial.suggest_categorical(name, v) for name, v in CHOICES.items()}
        params["dropout"] = trial.suggest_float("dropout", *DROPOUT)
        params["learning_rate"] = trial.suggest_float("learning_rate", *LEARNING_RATE, log=True)

        def report(epoch: int, logs: dict[str, float]) -> None:
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        callback = keras.callbacks.LambdaCallback(on_epoch_end=report)
        return searched.fit(searched.model(params), params["batch_size"], [callback])

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.HyperbandPruner(max_resource=EPOCHS),
    )
    study.optimize(objective, n_trials=MANY)


def hyperopt_tpe(searched: Searched, seed: int, folder: Path) -> None:
    import keras
    import numpy as np
    from hyperopt import fmin, hp, tpe

    def objective(params: dict[str, Any]) -> float:
        keras.backend.clear_session()
        return -searched.fit(searched.model(params), params["batch_size"], [])

    space = {name: hp.choice(name, values) for name, values in CHOICES.items()}
    space["dropout"] = hp.uniform("dropout", *DROPOUT)
    space["learning_rate"] = hp.loguniform("learning_rate", *np.log(LEARNING_RATE))
    rstate = np.random.default_rng(seed)
    fmin(objective, space, tpe.suggest, MANY, rstate=rstate, show_progressbar=False)


OTHERS: dict[str, Callable[[Searched, int, Path], None]] = {
    "keras-tuner hyperband": keras_tuner("hyperband"),
    "keras-tuner bayesian": keras_tuner("bayesian"),
    "optuna hyperband": optuna_hyperband,
    "hyperopt tpe": hyperopt_tpe,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--limit-s", type=float, default=1800)
    parser.add_argument("--contenders", default=",".join(["kerasearch", *OTHERS]))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--other", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.other:
        return be_other(*given.other)
    times: dict[str, list[float]] = {name: [] for name in given.contenders.split(",")}
    targets: list[float] = []
    if given.resume:
        earlier = json.loads(given.resume.read_text())
        if earlier["limit_s"] != given.limit_s or earlier["seconds"].keys() != times.keys():
            raise SystemExit(f"{given.resume} is of another limit or of other contenders")
        targets, times = earlier["targets"], earlier["seconds"]
    for seed in range(len(targets), given.seeds):
        targets.append(target_of(seed))
        for name, reached_after in times.items():
            if name == "kerasearch":
                reached_after.append(by_kerasearch(targets[-1], seed, given.limit_s))
            else:
                reached_after.append(by_other(name, targets[-1], seed, given.limit_s))
            print(f"seed {seed}, {targets[-1]:.4f}: {name} {reached_after[-1]:.1f} s", flush=True)
        keep(times, targets, given.limit_s)
    show(times, given.limit_s)
    return None


def target_of(seed: int) -> float:
    """The best of 40 random trials without pruning."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder, "data")) as service,
        Client(service.url) as client,
    ):
        _upload(client, Path(folder))
        search = {"sampler": "random", "pruner": "none", "seed": seed}
        budget = {"trials": RANDOM_TRIALS, "epochs": EPOCHS}
        job = finished(client, client.submit({**JOB, "search": search, "budget": budget}))
        assert job.best is not None
        return float(job.best.value)


def by_kerasearch(target: float, seed: int, limit_s: float) -> float:
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder, "data")) as service:
        return _searched_by(service, target, seed, limit_s, Path(folder))


def _searched_by(
    service: RunningService, target: float, seed: int, limit_s: float, folder: Path
) -> float:
    with Client(service.url) as client:
        _upload(client, folder)
        finished(client, client.submit(WARM_UP))
        await_mirror(service)
        budget = {"trials": MANY, "epochs": EPOCHS, "target": target, "time_s": limit_s}
        # Another seed than the random trials', which drew the target.
        request = {**JOB, "search": {"seed": seed + 1000}, "budget": budget}
        begun = time.monotonic()
        job = finished(client, client.submit(request))
        took_s = time.monotonic() - begun
        has_reached = job.best is not None and job.best.value >= target
        return min(limit_s, took_s) if has_reached else limit_s


def _upload(client: Client, folder: Path) -> None:
    write_csv(generated_table(), folder / "table.csv")
    client.add_dataset(folder / "table.csv", name=TABLE, kind="tabular", schema={"target": "label"})


def by_other(name: str, target: float, seed: int, limit_s: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--other", name, str(target), str(seed)]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
            try:
                while process.stdout.readline() != b"ready\n":
                    if process.poll() is not None:
                        raise RuntimeError(Path(folder, "log").read_text()[-3000:])
                begun = time.monotonic()
                process.stdin.write(b"\n")
                process.stdin.flush()
                process.wait(limit_s)
                took_s = time.monotonic() - begun
                if process.returncode:
                    raise RuntimeError(Path(folder, "log").read_text()[-3000:])
                return took_s if b"reached" in process.stdout.read() else limit_s
            except subprocess.TimeoutExpired:
                return limit_s
            finally:
                process.kill()
                process.communicate()


def be_other(name: str, target: str, seed: str) -> None:
    die_with_parent()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with silent_stderr():
        import hyperopt
        import keras_tuner
        import optuna
        import tensorboard.plugins.hparams.api  # noqa: F401 - KerasTuner imports it later

        del hyperopt, keras_tuner, optuna
    searched = Searched(float(target))
    print("ready", flush=True)
    sys.stdin.readline()
    OTHERS[name](searched, int(seed), Path("files"))


def keep(times: dict[str, list[float]], targets: list[float], limit_s: float) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    figures = {"limit_s": limit_s, "targets": targets, "seconds": times}
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


def show(times: dict[str, list[float]], limit_s: float) -> None:
    table = Table("", "median s", "least", "most", "not reached", "Kerasearch needs, of this")
    ours = statistics.median(times.get("kerasearch", [float("nan")]))
    for name, values in times.items():
        median = statistics.median(values)
        figures = (median, min(values), max(values))
        missed = str(sum(value >= limit_s for value in values))
        shown = (f"{figure:.0f}" for figure in figures)
        table.add_row(name, *shown, missed, f"{ours / median:.0%}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
