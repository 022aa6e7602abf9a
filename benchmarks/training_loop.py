"""What a trial costs a trial process, and each of its epochs, against plain `model.fit`.

    .venv/bin/python benchmarks/training_loop.py

    .venv/bin/python benchmarks/training_loop.py --xla

One thread. The ways take turns; figures are medians. A trial is built, trained and judged on its
validation rows; nothing is saved. Prints a table and writes benchmarks/results/training_loop.json.
With `--xla` what the first trial of an architecture costs with XLA and without, by its number of
epochs: those beyond the measured ones are counted at the median; training_loop_xla.json.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from kerasearch.service.process import silent_stderr

with silent_stderr():  # TensorFlow introduces itself there
    import keras
    import tensorflow as tf

from kerasearch.models import load_family
from kerasearch.models.datasets import Examples, fit_scaling, load_builtin, split_rows
from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.evaluation import evaluate
from kerasearch.models.family import DataShape, ModelFamily, hyperparameters
from kerasearch.models.optimizers import make_optimizer
from kerasearch.models.plan import Parts, TrainingPlan, Xla
from kerasearch.models.training import train
from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.training import DEFAULTS

REPEATS = 5
EPOCHS = 6
XLA_EPOCHS = (20, 100, 500)
RESULTS = Path(__file__).parent / "results"

TRAINED = {"optimizer": "adam", "dropout": 0.2, "learning_rate": 1e-3}
WORKLOADS: dict[str, tuple[str, str, Params]] = {
    "MLP, digits": (
        "mlp",
        "digits",
        {
            "layers": 2,
            "units_1": 64,
            "units_2": 32,
            "activation": "relu",
            "batch_norm": False,
            "batch_size": 32,
            **TRAINED,
        },
    ),
    "LSTM, epidemic curves": (
        "recurrent",
        "epidemic-curves",
        {
            "cell": "lstm",
            "units": 50,
            "layers": 1,
            "second_layer": "two",
            "dense_units": 20,
            "recurrent_dropout": 0.0,
            "recurrent_initializer": "orthogonal",
            "batch_size": 64,
            **TRAINED,
        },
    ),
}

FEW_UNITS = "LSTM of 10 units, epidemic curves"
XLA_WORKLOADS = {
    **WORKLOADS,
    FEW_UNITS: (
        "recurrent",
        "epidemic-curves",
        {**WORKLOADS["LSTM, epidemic curves"][2], "units": 10},
    ),
}

Clock = tuple[float, float]
Tick = Callable[[], None]
Trial = Callable[[Tick], None]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a trial and its epochs cost.")
    parser.add_argument("--xla", action="store_true", help="with XLA against without")
    by_xla = parser.parse_args().xla
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, which a new model can't do without
    with silent_stderr():  # its pipelines say that they were written for a newer TensorFlow
        if by_xla:
            figures = {workload: measure_xla(*given) for workload, given in XLA_WORKLOADS.items()}
        else:
            figures = {workload: measure(*given) for workload, given in WORKLOADS.items()}
    if by_xla:
        show(figures, "a new architecture", "training_loop_xla.json")
    else:
        show(figures, f"{EPOCHS} epochs", "training_loop.json")


def measure(family_name: str, dataset_name: str, params: Params) -> dict[str, dict[str, float]]:
    """Medians by way of training: seconds a trial, an epoch, and a trial without its epochs."""
    family, parts = prepared(family_name, dataset_name)

    def ours(params: Params, programs: EpochPrograms) -> Trial:
        return lambda tick: by_train(family, params, parts, programs, tick)

    runs: dict[str, list[dict[str, float]]] = {}
    for repeat in range(REPEATS + 1):
        programs = EpochPrograms()
        ways = {
            "model.fit": lambda tick: by_fit(family, params, parts, tick),
            "fallback": ours(params, EpochPrograms(weights=0)),
            "cold": ours(params, programs),
            "warm": ours({**params, "dropout": 0.3, "learning_rate": 2e-3}, programs),
        }
        for way, trial in ways.items():
            run = timed(trial)
            if repeat:  # the first ones load what TensorFlow loads on use
                runs.setdefault(way, []).append(run)
    return medians(runs)


def measure_xla(family_name: str, dataset_name: str, params: Params) -> dict[str, dict[str, float]]:
    """CPU seconds of the first trial of an architecture, by its epochs."""
    family, parts = prepared(family_name, dataset_name)
    runs: dict[str, list[dict[str, float]]] = {}
    for repeat in range(REPEATS + 1):
        for way, xla in (("without", False), ("with XLA", True)):
            run = timed(partial(by_train, family, params, parts, EpochPrograms(), xla=xla))
            if repeat:
                runs.setdefault(way, []).append(run)
    rows = {}
    for way, figures in medians(runs).items():
        start, epoch = figures["trial without its epochs, CPU s"], figures["epoch, CPU s"]
        rows[way] = {"epoch, CPU s": epoch, "trial without its epochs, CPU s": start}
        rows[way] |= {f"{epochs} epochs, CPU s": start + epochs * epoch for epochs in XLA_EPOCHS}
    return rows


def prepared(family_name: str, dataset_name: str) -> tuple[ModelFamily, Parts]:
    dataset = load_builtin(dataset_name)
    split = split_rows(dataset.y, validation=0.2, test=0.2, stratify=True, seed=0)
    parts = Parts(
        dataset.x[split.train],
        dataset.y[split.train],
        dataset.x[split.validation],
        dataset.y[split.validation],
    )
    scaling = fit_scaling(parts.x_train, "standard", dataset.kind)
    shape = DataShape(dataset.x.shape[1:], len(dataset.classes), scaling)
    return load_family(family_name)(shape), parts


def medians(runs: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        way: {name: statistics.median(one[name] for one in of_way) for name in of_way[0]}
        for way, of_way in runs.items()
    }


def timed(trial: Trial) -> dict[str, float]:
    ticks: list[Clock] = []
    start = clock()
    trial(lambda: ticks.append(clock()))
    end = clock()
    figures = {}
    for kind, name in enumerate(("wall", "CPU")):
        whole = end[kind] - start[kind]
        epochs = [later[kind] - earlier[kind] for earlier, later in pairwise(ticks)]
        epoch = statistics.median(epochs)
        figures[f"trial, {name} s"] = whole
        figures[f"epoch, {name} s"] = epoch
        figures[f"trial without its epochs, {name} s"] = whole - EPOCHS * epoch
    return figures


def clock() -> Clock:
    return time.perf_counter(), time.process_time()


def by_train(
    family: ModelFamily,
    params: Params,
    parts: Parts,
    programs: EpochPrograms,
    tick: Tick,
    xla: Xla = False,
) -> None:
    def on_epoch(epoch: int, metrics: dict[str, float]) -> bool:
        tick()
        return True

    plan = TrainingPlan(EPOCHS, early_stopping=None, xla=xla)
    model = train(family, params, parts, plan, 1, on_epoch, programs).model
    evaluate(model, Examples(parts.x_validation, parts.y_validation), family.data)


def by_fit(family: ModelFamily, params: Params, parts: Parts, tick: Tick) -> None:
    """As one would write it."""
    keras.utils.set_random_seed(1)
    model = family.build(hyperparameters(params))
    model.compile(
        make_optimizer({**DEFAULTS, **params}),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        parts.x_train,
        parts.y_train,
        batch_size=params["batch_size"],
        epochs=EPOCHS,
        validation_data=(parts.x_validation, parts.y_validation),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: tick())],
        verbose=0,
    )
    model.predict(parts.x_validation, verbose=0)


def show(figures: dict[str, dict[str, dict[str, float]]], title: str, file: str) -> None:
    for workload, ways in figures.items():
        names = list(next(iter(ways.values())))
        table = Table(Column(no_wrap=True), *names, title=f"{workload}, {title}")
        for way, values in ways.items():
            table.add_row(way, *(f"{values[name]:.3f}" for name in names))
        Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / file).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
