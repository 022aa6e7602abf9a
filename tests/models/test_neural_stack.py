"""A controller with a stack does what the controller alone can't."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from kerasearch.models import load_family
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.generated.reversal import reversals
from kerasearch.models.evaluation import evaluate
from kerasearch.models.neural_stack import StackCell
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.stack import pushed, read
from kerasearch.models.training import train
from kerasearch.models.training_data import training_data
from kerasearch.searchspaces.parameters import Value

STACK: dict[str, Value] = {"controller": "simple_rnn", "width": 16}
ALONE: dict[str, Value] = {
    "cell": "simple_rnn",
    "layers": 1,
    "bidirectional": False,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "recurrent_initializer": "orthogonal",
    "second_layer": "one",
}


def accuracy_beyond(dataset: Dataset, family: str, own: Mapping[str, Value]) -> float:
    """Of symbols, in sequences of 7 to 10 of them, after a training on 2 to 6."""
    assert dataset.y is not None
    lengths = (dataset.y >= 0).sum(axis=1)
    short, long = np.flatnonzero(lengths <= 6), np.flatnonzero(lengths > 6)
    params = {"units": 32, "learning_rate": 0.01, "clipnorm": 1.0, "batch_size": 16, **own}
    data = training_data(
        dataset, short[:-80], short[-80:], task="step_labelling", scale="none", params=params
    )
    plan = TrainingPlan(16, early_stopping=None)
    trained = train(load_family(family)(data.shape), params, data.parts, plan, 7, lambda *_: True)
    return evaluate(trained.model, data.prepared.examples(long), data.shape).metrics["accuracy"]


def test_it_reverses_longer_sequences_than_it_was_trained_on() -> None:
    dataset = reversals(1000, 2, 10)
    with_stack = accuracy_beyond(dataset, "neural_stack", STACK)
    alone = accuracy_beyond(dataset, "recurrent", ALONE)
    assert with_stack > 0.8
    assert with_stack > alone + 0.3


def test_a_step_is_what_controller_and_stack_make_of_it() -> None:
    cell = StackCell(3, "gru", width=2, depth=4)
    layer = keras.layers.RNN(cell, return_sequences=True)
    x = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(np.float32)
    given = np.asarray(layer(x))
    said, seen = np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32)
    values, strengths = np.zeros((2, 4, 2), np.float32), np.zeros((2, 4), np.float32)
    for step in range(4):
        said, _ = cell.controller(np.concatenate([x[:, step], seen], axis=1), [said])
        values, strengths = pushed(
            values, strengths, cell.value(said), cell.push(said), cell.pop(said)
        )
        seen = read(values, strengths)
        np.testing.assert_allclose(
            given[:, step], np.concatenate([said, seen], axis=1), rtol=1e-5, atol=1e-6
        )


def test_a_saved_one_predicts_the_same(tmp_path: Path) -> None:
    inputs = keras.Input((4, 5))
    model = keras.Model(inputs, keras.layers.RNN(StackCell(3, "lstm", width=2, depth=4))(inputs))
    x = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
