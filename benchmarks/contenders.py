"""How others train a workload's configurations: one contender a process, started by `peers.py`.

    python benchmarks/contenders.py CONTENDER WORKLOAD COUNT FOLDER [--part 0/2]

Says `ready` when all is imported and the data are loaded, begins at a line on stdin, and ends with
a line of JSON. Everybody gets the same models (Kerasearch's families build them), rows, loss,
optimizer, early stopping and best weights, and leaves a confusion matrix and a record a trial.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads import PATIENCE, WORKLOADS, Workload, data_of

from kerasearch.models.training_data import TrainingData
from kerasearch.searchspaces.parameters import Params, Value
from kerasearch.searchspaces.training import DEFAULTS
from kerasearch.service.process import die_with_parent, silent_stderr

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


@dataclass(frozen=True)
class Result:
    """Of one trial; `value` is the best epoch's validation accuracy."""

    value: float
    epochs: int


@dataclass(frozen=True)
class Task:
    """What a contender is to do.

    Attributes:
        part: `(i, n)`: every n-th configuration from the i-th on is its own.
        folder: What a contender writes goes to a folder of its own in it.
    """

    workload: str
    count: int
    folder: Path
    part: tuple[int, int] = (0, 1)

    @property
    def of(self) -> Workload:
        return WORKLOADS[self.workload]

    @property
    def configurations(self) -> list[Params]:
        first, step = self.part
        return self.of.configurations(self.count)[first::step]

    @contextmanager
    def own_folder(self) -> Iterator[Path]:
        folder = self.folder / f"files-{os.getpid()}"
        folder.mkdir()
        yield folder


def compiled_model(family: str, data: TrainingData, params: Params) -> Any:  # keras has no types
    from kerasearch.models import load_family
    from kerasearch.models.family import hyperparameters
    from kerasearch.models.optimizers import make_optimizer

    model = load_family(family)(data.shape).build(hyperparameters(params))
    model.compile(
        make_optimizer({**DEFAULTS, **params}),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def fitted(
    model: Any, data: TrainingData, batch_size: Value, epochs: int, callbacks: list[Any]
) -> dict[str, list[float]]:
    history = model.fit(
        data.train.x,
        data.train.y,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(data.validation.x, data.validation.y),
        callbacks=callbacks,
        verbose=0,
    ).history
    return dict(history)


def early_stopping() -> Any:
    import keras

    return keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True)


def leave_confusion_matrix(model: Any, data: TrainingData, path: Path) -> None:
    from sklearn.metrics import confusion_matrix

    predicted = model.predict(data.validation.x, verbose=0).argmax(axis=1)
    counts = confusion_matrix(data.validation.y, predicted)
    path.write_text(json.dumps(counts.tolist()))


def one_trial(task: Task, data: TrainingData, params: Params, path: Path) -> Result:
    """A trial as written by hand around `model.fit`."""
    import keras

    keras.backend.clear_session()
    model = compiled_model(task.of.family, data, params)
    curves = fitted(model, data, params["batch_size"], task.of.epochs, [early_stopping()])
    leave_confusion_matrix(model, data, path)
    return Result(max(curves["val_accuracy"]), len(curves["loss"]))


def optuna_fit(task: Task) -> Callable[[], list[Result]]:
    import keras  # noqa: F401 - imports don't count
    import optuna
    import sklearn.metrics  # noqa: F401

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = data_of(task.of.load())

    def run() -> list[Result]:
        with task.own_folder() as folder:
            study = optuna.create_study(
                storage=f"sqlite:///{folder / 'optuna.db'}", direction="maximize"
            )
            varied = task.of.varied_in(task.count)
            for params in task.configurations:
                study.enqueue_trial({name: params[name] for name in varied})

            def objective(trial: optuna.Trial) -> float:
                drawn = {name: trial.suggest_categorical(name, v) for name, v in varied.items()}
                path = folder / f"confusion-{trial.number}.json"
                result = one_trial(task, data, {**task.of.fixed, **drawn}, path)
                trial.set_user_attr("epochs", result.epochs)
                return result.value

            study.optimize(objective, n_trials=len(task.configurations))
            return [Result(t.value, t.user_attrs["epochs"]) for t in study.trials]

    return run


def keras_tuner(task: Task) -> Callable[[], list[Result]]:
    import keras_tuner
    import sklearn.metrics  # noqa: F401
    import tensorboard.plugins.hparams.api  # noqa: F401 - it imports that itself, later

    data = data_of(task.of.load())
    mine = task.configurations
    results = []

    class Hyper(keras_tuner.HyperModel):  # type: ignore[misc]
        def __init__(self, folder: Path) -> None:
            super().__init__()
            self.folder = folder

        def build(self, hp: Any) -> Any:
            return compiled_model(
                task.of.family, data, mine[hp.Choice("configuration", range(len(mine)))]
            )

        def fit(self, hp: Any, model: Any, *args: Any, **options: Any) -> Any:
            batch_size = mine[hp["configuration"]]["batch_size"]
            history = model.fit(*args, batch_size=batch_size, **options)
            leave_confusion_matrix(model, data, self.folder / f"{hp['configuration']}.json")
            curves = history.history
            results.append(Result(max(curves["val_accuracy"]), len(curves["loss"])))
            return history

    def run() -> list[Result]:
        with task.own_folder() as folder:
            tuner = keras_tuner.RandomSearch(
                Hyper(folder), "val_accuracy", max_trials=len(mine), directory=folder
            )
            tuner.oracle._max_collisions = 100_000  # or it gives up before it has drawn them all
            tuner.search(
                data.train.x,
                data.train.y,
                epochs=task.of.epochs,
                validation_data=(data.validation.x, data.validation.y),
                callbacks=[early_stopping()],
                verbose=0,
            )
        return results

    return run


def process_a_trial(task: Task) -> Callable[[], list[Result]]:
    from multiprocessing import get_context

    def run() -> list[Result]:
        results = []
        with task.own_folder() as folder:
            for number, params in enumerate(task.configurations):
                ours, theirs = get_context("spawn").Pipe()
                arguments = (theirs, task, params, folder / f"{number}.json")
                process = get_context("spawn").Process(target=_send_trial, args=arguments)
                process.start()
                results.append(ours.recv())
                process.join()
        return results

    return run


def _send_trial(pipe: Any, task: Task, params: Params, path: Path) -> None:
    die_with_parent()
    with silent_stderr():
        _take_threads(task)
        pipe.send(one_trial(task, data_of(task.of.load()), params, path))


def ray_tune(task: Task) -> Callable[[], list[Result]]:
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["RAY_memory_monitor_refresh_ms"] = "0"  # noqa: SIM112 - so Ray spells it
    import ray
    from ray import tune

    here = str(Path(__file__).parent)
    ray.init(
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        _node_ip_address="127.0.0.1",
        runtime_env={"env_vars": {"PYTHONPATH": here, "TF_CPP_MIN_LOG_LEVEL": "3"}},
    )

    def train(config: dict[str, Any]) -> None:
        params = task.configurations[config["configuration"]]
        result = one_trial(task, data_of(task.of.load()), params, Path("confusion.json"))
        tune.report({"val_accuracy": result.value, "epochs": result.epochs})

    def run() -> list[Result]:
        with task.own_folder() as folder:
            grid = tune.Tuner(
                train,
                param_space={
                    "configuration": tune.grid_search(list(range(len(task.configurations))))
                },
                tune_config=tune.TuneConfig(metric="val_accuracy", mode="max"),
                run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
            ).fit()
            return [Result(r.metrics["val_accuracy"], r.metrics["epochs"]) for r in grid]

    return run


CONTENDERS: dict[str, Callable[[Task], Callable[[], list[Result]]]] = {
    "keras-tuner": keras_tuner,
    "optuna": optuna_fit,
    "process-a-trial": process_a_trial,
    "ray-tune": ray_tune,
}
"""Each imports what it needs and gives the call that is timed."""


def _take_threads(task: Task) -> None:
    """One of several processes takes a thread; one alone runs as TensorFlow does by itself."""
    if task.part[1] > 1:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("count", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", default="0/1")
    given = parser.parse_args()
    die_with_parent()
    first, parts = map(int, given.part.split("/"))
    task = Task(given.workload, given.count, given.folder, (first, parts))
    with silent_stderr():
        if given.contender != "process-a-trial":
            _take_threads(task)
        run = CONTENDERS[given.contender](task)
        print("ready", flush=True)
        sys.stdin.readline()
        results = run()
    print(json.dumps([{"value": r.value, "epochs": r.epochs} for r in results]), flush=True)


if __name__ == "__main__":
    main()
