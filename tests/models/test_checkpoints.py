"""A training that goes on from a checkpoint is the one that was never interrupted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasearch.models.checkpoints import Checkpoint, read_checkpoints, write_checkpoints
from kerasearch.models.datasets import Scaling
from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.family import DataShape
from kerasearch.models.mlp import MLP
from kerasearch.models.plan import EarlyStopping, Parts, TrainingPlan
from kerasearch.models.training import TrainedModel, train
from kerasearch.searchspaces.parameters import Value

SHAPE = DataShape((4,), 3, Scaling(np.zeros(4, np.float32), np.ones(4, np.float32)))
PARAMS: dict[str, Value] = {
    "layers": 1,
    "units_1": 8,
    "activation": "relu",
    "batch_norm": True,
    "dropout": 0.4,
    "batch_size": 16,
    "learning_rate": 0.05,
}
PLAN = TrainingPlan(epochs=7, early_stopping=None)
PATHS = {"compiled epochs": EpochPrograms(), "model.fit": EpochPrograms(weights=0)}


def make_parts() -> Parts:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    x = (rng.normal(size=(150, 4)) + y[:, None]).astype(np.float32)
    return Parts(x[:100], y[:100], x[100:], y[100:])


def run(
    path: str = "compiled epochs",
    plan: TrainingPlan = PLAN,
    changes: Mapping[str, Value] | None = None,
    on_epoch: Callable[[int, Mapping[str, float]], bool] = lambda epoch, _: True,
    offer: Callable[[Callable[[], Checkpoint]], None] = lambda make: None,
    start: Checkpoint | None = None,
) -> TrainedModel:
    params = {**PARAMS, **(changes or {})}
    programs = PATHS[path]
    return train(
        MLP(SHAPE), params, make_parts(), plan, 7, on_epoch, programs, offer=offer, start=start
    )


def stopped_at(
    last: int,
    path: str = "compiled epochs",
    plan: TrainingPlan = PLAN,
    changes: Mapping[str, Value] | None = None,
) -> Checkpoint:
    made: list[Checkpoint] = []

    def keep(make: Callable[[], Checkpoint]) -> None:
        made.append(make())

    assert run(path, plan, changes, lambda epoch, _: epoch != last, keep).stopped
    assert len(made) == last
    return made[-1]


def assert_same(one: TrainedModel, other: TrainedModel) -> None:
    assert one.best_epoch == other.best_epoch
    assert one.curves.keys() == other.curves.keys()
    for name, curve in one.curves.items():
        np.testing.assert_allclose(curve, other.curves[name], rtol=1e-6, atol=1e-6)
    for mine, theirs in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_a_training_goes_on_from_a_file_as_if_it_had_not_been_interrupted(
    tmp_path: Path, path: str
) -> None:
    """With dropout, batch normalization and an optimizer that has moments, in another process."""
    file = tmp_path / "checkpoint.npz"
    write_checkpoints({"one": stopped_at(3, path)}, "", file)
    keras.utils.set_random_seed(99)  # whatever was drawn since
    reported = []

    def report(epoch: int, _: Mapping[str, float]) -> bool:
        reported.append(epoch)
        return True

    read, _ = read_checkpoints(file)
    continued = run(path, on_epoch=report, start=read["one"])
    assert continued.path == path
    assert continued.epochs == 7
    assert reported == [4, 5, 6, 7]
    assert_same(continued, run(path))


@pytest.mark.parametrize("path", PATHS)
def test_a_training_that_had_ended_is_made_again_without_training(path: str) -> None:
    whole = run(path, plan=TrainingPlan(epochs=9, early_stopping=EarlyStopping(patience=1)))
    again = run(path, start=whole.last_checkpoint, on_epoch=lambda *_: pytest.fail("it trains"))
    assert (again.epochs, again.stopped) == (whole.epochs, False)
    assert_same(again, whole)


def test_early_stopping_goes_on_counting() -> None:
    standstill = {"learning_rate": 1e-30, "batch_norm": False, "dropout": 0.0}
    plan = TrainingPlan(epochs=9, early_stopping=EarlyStopping(patience=4))
    start = stopped_at(3, plan=plan, changes=standstill)
    assert run(plan=plan, changes=standstill, start=start).epochs == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": 16, "activation": "sigmoid"},
        {"layers": 2, "activation": "relu", "optimizer": "sgd", "learning_rate": 50.0},  # they die
    ],
)
def test_vanishing_gradients_are_warned_of_as_if_it_had_not_been_interrupted(
    tmp_path: Path, changes: Mapping[str, Value]
) -> None:
    narrow = {f"units_{layer}": 4 for layer in range(1, 17)}
    changes = {**changes, **narrow, "batch_norm": False}
    file = tmp_path / "checkpoint.npz"
    write_checkpoints({"one": stopped_at(3, changes=changes)}, "", file)
    read, _ = read_checkpoints(file)
    (warning,) = run(changes=changes).warnings
    assert run(changes=changes, start=read["one"]).warnings == (warning,)


def test_the_best_epoch_may_lie_before_the_checkpoint() -> None:
    plan = TrainingPlan(epochs=4, metric="loss", direction="maximize", early_stopping=None)
    continued, whole = run(plan=plan, start=stopped_at(2, plan=plan)), run(plan=plan)
    assert whole.best_epoch == 1
    assert_same(continued, whole)


def test_a_training_that_is_over_offers_no_checkpoint_and_is_not_stopped() -> None:
    offered = []
    result = run(
        on_epoch=lambda epoch, _: epoch != 7, offer=lambda make: offered.append(make().epoch)
    )
    assert offered == [1, 2, 3, 4, 5, 6]
    assert not result.stopped


def test_a_checkpoint_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    checkpoint = Checkpoint(
        curves={"loss": [0.5, 1 / 3], "val_accuracy": [0.0, 1.0]},
        best_epoch=2,
        best_weights=[np.ones((2, 3), np.float32)],
        state=[np.array(index, np.int64) for index in range(11)],
        vanished=(1, 2),
    )
    ended = replace(checkpoint, curves={"loss": [0.1]}, best_epoch=1, state=[], vanished=())
    write_checkpoints({"one": checkpoint, "other": ended}, "a note", tmp_path / "c.npz")
    read, note = read_checkpoints(tmp_path / "c.npz")
    assert (list(read), note) == (["one", "other"], "a note")
    assert [each.is_last for each in read.values()] == [False, True]
    assert (read["other"].curves, read["other"].best_epoch) == ({"loss": [0.1]}, 1)
    again = read["one"]
    assert (again.curves, again.best_epoch, again.epoch) == (checkpoint.curves, 2, 2)
    assert list(again.curves) == ["loss", "val_accuracy"]
    assert (again.vanished, read["other"].vanished) == ((1, 2), ())
    for group in ("best_weights", "state"):
        for one, other in zip(getattr(again, group), getattr(checkpoint, group), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
