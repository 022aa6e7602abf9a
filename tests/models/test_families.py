"""What every model family keeps to, parametrized over the registry."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import keras
import numpy as np
import pytest

from kerasearch.models import FAMILIES, load_family
from kerasearch.models.datasets import Dataset
from kerasearch.models.datasets.info import Kind
from kerasearch.models.datasets.padding import NO_LABEL, PADDING
from kerasearch.models.datasets.ratings import Ratings
from kerasearch.models.datasets.series import Series
from kerasearch.models.datasets.text import Text, code_points
from kerasearch.models.evaluation import evaluate, predict
from kerasearch.models.family import ModelFamily, hyperparameters
from kerasearch.models.model_file import has_own_layers, read_description
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.saving import save_model
from kerasearch.models.tasks import TASKS, TaskName, direction_of
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces import SPACES, InvalidInput, SearchSpace
from kerasearch.searchspaces.space import Choice, Params
from kerasearch.searchspaces.training import TRAINING_PARAMETERS

KINDS: dict[Kind, tuple[TaskName, ...]] = {
    "tabular": ("classification", "regression", "reconstruction", "mapping"),
    "sequence": ("classification", "regression", "step_labelling", "reconstruction"),
    "image": ("classification", "regression", "reconstruction", "mapping"),
    "series": ("forecasting",),
    "text": ("step_labelling",),
    "ratings": ("rating_prediction",),
}
"""Kinds of data, and the tasks that they are tried with; families are in both."""

SHAPES: dict[Kind, tuple[int, ...]] = {"tabular": (5,), "sequence": (9, 2), "image": (6, 6, 1)}
CLASSES = ("a", "b", "c")
ROWS = 90

each_family = pytest.mark.parametrize("name", FAMILIES)
Case = tuple[str, Kind, TaskName]

CASES: list[Case] = [
    (name, kind, task)
    for name, info in FAMILIES.items()
    for kind in info.data_kinds
    for task in KINDS.get(kind, ())
    if task in info.tasks
]
ONE_KIND_EACH = list(
    {(name, task, kind == "text"): (name, kind, task) for name, kind, task in CASES}.values()
)
"""The last kind of each family for each of its tasks; text, which is read otherwise, besides."""

OF_DATA = {"window", "stateful", "side"}
"""Parameters that decide what the examples are."""

each_case = pytest.mark.parametrize(("name", "kind", "task"), CASES)
each_task = pytest.mark.parametrize(("name", "kind", "task"), ONE_KIND_EACH)


def make_dataset(kind: Kind, task: TaskName) -> Dataset:
    """Rows that tell the target; of sequences every third ends early."""
    rng = np.random.default_rng(0)
    if kind == "series":
        return Series(kind, rng.normal(size=(ROWS, 2)).cumsum(axis=0).astype(np.float32), None)
    if kind == "text":
        return Text(kind, code_points("".join(CLASSES) * (ROWS // len(CLASSES))), None)
    if kind == "ratings":
        return Ratings.of(rng.integers(1, 6, (ROWS // 9, 9)))
    labels = rng.integers(0, len(CLASSES), ROWS)
    x = rng.normal(labels.reshape(-1, *[1] * len(SHAPES[kind])) * 20.0, 10.0, (ROWS, *SHAPES[kind]))
    x = x.astype(np.float32)
    match task:
        case "classification" | "reconstruction" | "mapping":
            return Dataset(kind, x, labels, CLASSES)
        case "regression":
            return Dataset(kind, x, (1000.0 + 7 * labels).astype(np.float32))
        case "step_labelling":
            y = (x[..., 0] > np.array([[10.0]])).astype(np.int64) + (x[..., 0] > 30)
            x[::3, 6:], y[::3, 6:] = PADDING, NO_LABEL
            return Dataset(kind, x, y, CLASSES)
    raise NotImplementedError(task)


def make_data(name: str, kind: Kind, task: TaskName, params: Params) -> TrainingData:
    rows, scale = np.arange(ROWS), FAMILIES[name].scales[0]
    dataset = make_dataset(kind, task)
    return training_data(dataset, rows[:60], rows[60:], task=task, scale=scale, params=params)


def make_family(name: str, kind: Kind, task: TaskName, params: Params) -> ModelFamily:
    return load_family(name)(make_data(name, kind, task, params).shape)


def samples_and_corners(space: SearchSpace) -> Iterator[Params]:
    rng = Random(0)
    for _ in range(10):
        yield space.sample(rng)
    for name, parameter in space.parameters.items():
        ends = parameter.values if isinstance(parameter, Choice) else parameter.bounds()
        for value in ends:
            yield SearchSpace.parse({name: value}, space).sample(rng)


def space_of(name: str, kind: Kind) -> SearchSpace:
    """The family's default, with windows for so few rows."""
    space = FAMILIES[name].space_of(kind)
    return SearchSpace.parse({"window": 5}, space) if "window" in space.parameters else space


def small_params(name: str, kind: Kind) -> Params:
    # One layer: what two take is tracing.
    space = space_of(name, kind)
    small = {"layers": 1, "blocks": 1, "dropout": 0.3, "augmentation": True}
    own = {name: value for name, value in small.items() if name in space.parameters}
    return SearchSpace.parse(own, space).sample(Random(1))


def trained(name: str, kind: Kind, task: TaskName, seed: int) -> tuple[TrainedModel, TrainingData]:
    params = small_params(name, kind)
    data = make_data(name, kind, task, params)
    metric = TASKS[task].objective
    plan = TrainingPlan(epochs=2, metric=metric, direction=direction_of(metric))
    family = load_family(name)(data.shape)
    return train(family, params, data.parts, plan, seed, lambda *_: True), data


class ReadRecorder(dict[str, object]):
    def __init__(self, values: Params) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.read.add(name)
        return super().__getitem__(name)


def test_families_are_listed_without_importing_keras() -> None:
    code = (
        "import sys, kerasearch.models;"
        "assert not {'keras', 'tensorflow', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_family_has_a_default_space_and_every_space_a_family() -> None:
    assert set(FAMILIES) == set(SPACES)


def test_an_unknown_family_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'recurrent'"):
        load_family("recurent")


@each_task
def test_build_reads_every_active_parameter_and_no_other(
    name: str, kind: Kind, task: TaskName
) -> None:
    for params in samples_and_corners(space_of(name, kind)):
        hp = hyperparameters(params)
        hp.values = recorder = ReadRecorder(params)
        with keras.StatelessScope(initialize_variables=False):
            make_family(name, kind, task, params).build(hp)
        assert recorder.read == set(params) - set(TRAINING_PARAMETERS) - OF_DATA
    keras.utils.clear_session()


@each_case
def test_a_model_takes_raw_rows_and_gives_what_its_task_asks_for(
    name: str, kind: Kind, task: TaskName
) -> None:
    params = space_of(name, kind).sample(Random(2))
    data = make_data(name, kind, task, params)
    model = load_family(name)(data.shape).build(hyperparameters(params))
    rows = data.validation.x[:]
    outputs = model.predict(rows, verbose=0)
    assert model.input_shape == (None, *rows.shape[1:])
    assert np.isfinite(outputs).all()
    if task in ("classification", "step_labelling"):
        assert outputs.shape == (*data.validation.y.shape, len(CLASSES))
        np.testing.assert_allclose(outputs.sum(axis=-1), 1, rtol=1e-5)
    elif task == "mapping":
        assert outputs.shape == (len(rows), 4)
    else:
        assert outputs.reshape(data.validation.y.shape).shape == data.validation.y.shape


LOAD_AND_PREDICT = """
import sys, keras, numpy as np
for line in sys.stdin:
    folder, own_layers = line[:-1].split(":")
    try:
        if own_layers == "True":
            import kerasearch.models.custom_objects
        model = keras.saving.load_model(f"{folder}/model.keras", safe_mode=True)
        np.save(f"{folder}/predicted.npy", model.predict(np.load(f"{folder}/x.npy"), verbose=0))
        print("done", flush=True)
    except Exception as error:
        print(repr(error), flush=True)
"""


@pytest.fixture(scope="module")
def plain_keras() -> Iterator[subprocess.Popen[str]]:
    """Another process, which takes seconds to start: it loads one model after the other."""
    command = [sys.executable, "-c", LOAD_AND_PREDICT]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        yield process
        process.stdin.close()


@each_task
def test_a_saved_model_does_the_same_in_plain_keras_in_another_process(
    name: str, kind: Kind, task: TaskName, tmp_path: Path, plain_keras: subprocess.Popen[str]
) -> None:
    result, data = trained(name, kind, task, seed=3)
    judged = evaluate(result.model, data.validation, data.shape)
    reported = result.metrics[TASKS[task].objective]
    assert judged.metrics[TASKS[task].headline] == pytest.approx(reported, rel=1e-4)
    here = predict(result.model, data.validation.x)

    save_model(result, data.shape, data.prepared.description, tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", data.validation.x[:])
    own_layers = has_own_layers(tmp_path / "model.keras")
    plain_keras.stdin.write(f"{tmp_path}:{own_layers}\n")
    plain_keras.stdin.flush()
    assert plain_keras.stdout.readline() == "done\n"
    np.testing.assert_allclose(np.load(tmp_path / "predicted.npy"), here, rtol=1e-5, atol=1e-6)
    assert read_description(tmp_path / "model.keras")["task"] == task


@each_family
def test_the_same_seed_gives_the_same_model_and_another_seed_another(name: str) -> None:
    kind, task = next((kind, task) for one, kind, task in CASES if one == name)
    (first, _), (again, _), (other, _) = (trained(name, kind, task, seed) for seed in (5, 5, 6))
    assert first.curves == again.curves != other.curves
    for weight, same in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
    assert first.summary == again.summary
