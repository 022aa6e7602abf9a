"""What recurrent networks, and those beside them that read steps, are shown to learn."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerasearch.models import load_family
from kerasearch.models.continuation import continued, next_steps
from kerasearch.models.datasets import Dataset
from kerasearch.models.datasets.generated.addition import add
from kerasearch.models.datasets.generated.cosine import decaying_cosine
from kerasearch.models.datasets.generated.sums import sums
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.datasets.series import Series
from kerasearch.models.evaluation import Evaluation, evaluate, predict
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.saving import save_model
from kerasearch.models.tasks import TASKS, TaskName, direction_of
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces.parameters import Params

FRACTIONS = SimpleNamespace(validation=0.2, test=0.2, stratify=False, seed=0)
LEARNING: Params = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 32}
RECURRENT: Params = {
    **LEARNING,
    "cell": "gru",
    "units": 12,
    "layers": 1,
    "bidirectional": False,
    "second_layer": "one",
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "recurrent_initializer": "orthogonal",
}
CONV1D: Params = {
    **LEARNING,
    "blocks": 1,
    "filters": 16,
    "kernel_size": 3,
    "pooling": "max",
    "batch_norm": False,
    "dense_units": 16,
    "dropout": 0.0,
}
SMALL = {"recurrent": RECURRENT, "conv1d": CONV1D}


def learned(
    dataset: Dataset, task: TaskName, family: str, epochs: int, **params: object
) -> tuple[TrainedModel, TrainingData, Evaluation]:
    """A model trained on the train part, and how it does on the sealed one."""
    settings = {**SMALL[family], **params}
    split = dataset.split(FRACTIONS)
    data = training_data(
        dataset, split.train, split.validation, task=task, scale="standard", params=settings
    )
    metric = TASKS[task].objective
    plan = TrainingPlan(epochs, metric, direction_of(metric), early_stopping=None)
    model = train(load_family(family)(data.shape), settings, data.parts, plan, 3, lambda *_: True)
    sealed = data.prepared.examples(split.test)
    return model, data, evaluate(model.model, sealed, data.shape)


def noise(rows: int, steps: int) -> np.ndarray:
    return np.random.default_rng(0).normal(5, 2, (rows, steps, 1)).astype(np.float32)


def which_half_is_larger() -> Dataset:
    x = noise(600, 8)
    first, second = x[:, :4, 0].mean(axis=1), x[:, 4:, 0].mean(axis=1)
    return Dataset("sequence", x, (first > second).astype(np.int64), ("second", "first"))


def sums_of_lengths() -> Dataset:
    """Sequences of 2 to 8 steps and what their steps come to."""
    x = noise(900, 8)
    x[np.arange(8) >= np.arange(900)[:, None] % 7 + 2] = PADDING
    return Dataset("sequence", x, np.where(x == PADDING, 0, x).sum(axis=(1, 2)))


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm"])
def test_binary_addition_is_solved_exactly(cell: str) -> None:
    _, _, sealed = learned(add(), "step_labelling", "recurrent", 3, cell=cell)
    assert sealed.n == 800 * 9
    assert sealed.metrics["accuracy"] == 1


@pytest.mark.parametrize("family", SMALL)
def test_one_label_a_sequence_is_learned(family: str) -> None:
    _, _, sealed = learned(which_half_is_larger(), "classification", family, 12)
    assert sealed.metrics["accuracy"] > 0.8


@pytest.mark.parametrize("family", SMALL)
def test_a_number_of_sequences_of_different_lengths_is_learned(family: str) -> None:
    _, _, sealed = learned(sums_of_lengths(), "regression", family, 15)
    assert sealed.metrics["r2"] > 0.9


def test_convolutions_label_steps_by_the_steps_around_them() -> None:
    x = noise(300, 10)
    rises = np.diff(x[:, :, 0], axis=1, prepend=5.0) > 0
    dataset = Dataset("sequence", x, rises.astype(np.int64), ("falls", "rises"))
    _, _, sealed = learned(dataset, "step_labelling", "conv1d", 12)
    assert sealed.metrics["accuracy"] > 0.8


def cosine(steps: int, horizon: int = 1) -> Series:
    return Series("series", decaying_cosine(steps), None, features=("value",), horizon=horizon)


@pytest.mark.parametrize("family", SMALL)
def test_a_series_is_forecast_better_than_by_its_last_value(family: str) -> None:
    _, _, sealed = learned(cosine(1200, horizon=3), "forecasting", family, 4, window=25.0)
    table = sealed.tables["forecast"]
    assert (np.array(table["rmse"]) < np.array(table["naive_rmse"]) / 2).all()


def test_states_kept_between_batches_tell_what_a_short_window_does_not(tmp_path: Path) -> None:
    short = {"cell": "lstm", "window": 1, "batch_size": 8}
    _, _, stateless = learned(cosine(2000), "forecasting", "recurrent", 4, **short)
    model, data, stateful = learned(
        cosine(2000), "forecasting", "recurrent", 4, **short, stateful=True
    )
    # Of its cycle one value tells two places: rising or falling.
    assert stateless.metrics["rmse"] > 8
    assert stateful.metrics["rmse"] < 4
    assert model.path_reason.startswith("stateful")

    save_model(model, data.shape, data.prepared.description, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    told = loaded.predict(data.validation.x, batch_size=8, verbose=0)
    np.testing.assert_allclose(told, predict(model.model, data.validation.x), rtol=1e-4, atol=1e-3)

    series = decaying_cosine(201)
    (after,) = next_steps(loaded, data.prepared.description, series[:200])
    assert after == pytest.approx(series[200, 0], abs=8)


def test_stateful_layers_that_read_backwards_are_infeasible() -> None:
    with pytest.raises(InfeasibleError, match="bidirectional layers can't be stateful"):
        learned(
            cosine(300),
            "forecasting",
            "recurrent",
            1,
            window=2,
            stateful=True,
            batch_size=4,
            bidirectional=True,
        )


def test_a_window_longer_than_the_series_is_infeasible() -> None:
    with pytest.raises(InfeasibleError, match="no room for a window of 60"):
        learned(cosine(50), "forecasting", "recurrent", 1)


def test_a_text_is_learned_and_continued() -> None:
    params = {"units": 48, "window": 32.0}
    model, data, sealed = learned(sums(500), "step_labelling", "recurrent", 10, **params)
    # 26 characters as likely as each other would be 26.
    assert sealed.metrics["perplexity"] == pytest.approx(2 ** (sealed.metrics["loss"] / np.log(2)))
    assert sealed.metrics["perplexity"] < 2.5
    rows = data.prepared.description
    assert continued(model.model, rows, "one and two ar", 2) == "e "
    drawn = continued(model.model, rows, "ten and é", 30, seed=1)
    assert len(drawn) == 30
    assert drawn == continued(model.model, rows, "ten and é", 30, seed=1)
    assert drawn != continued(model.model, rows, "ten and é", 30, seed=2)
