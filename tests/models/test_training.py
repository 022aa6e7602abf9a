from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

from kerasearch.models.datasets import Examples, Scaling
from kerasearch.models.evaluation import evaluate
from kerasearch.models.family import DataShape, ModelFamily
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.mlp import MLP
from kerasearch.models.optimizers import make_optimizer
from kerasearch.models.plan import EarlyStopping, Parts, TrainingPlan
from kerasearch.models.training import TrainedModel, train
from kerasearch.searchspaces.space import Value
from kerasearch.searchspaces.training import DEFAULTS, OPTIMIZERS

SHAPE = DataShape((4,), 3, Scaling(np.zeros(4, np.float32), np.ones(4, np.float32)))
PARAMS: dict[str, Value] = {
    "layers": 1,
    "units_1": 8,
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0.0,
    "batch_size": 16,
    "learning_rate": 0.01,
}
STANDSTILL = {"learning_rate": 1e-30}


def make_parts() -> Parts:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    x = (rng.normal(size=(150, 4)) + y[:, None]).astype(np.float32)
    return Parts(x[:100], y[:100], x[100:], y[100:])


def run(
    changes: Mapping[str, Value] | None = None,
    plan: TrainingPlan | None = None,
    family: ModelFamily | None = None,
    parts: Parts | None = None,
    stop_after: int | None = None,
) -> TrainedModel:
    return train(
        family or MLP(SHAPE),
        {**PARAMS, **(changes or {})},
        parts or make_parts(),
        plan or TrainingPlan(epochs=4),
        7,
        lambda epoch, _: epoch != stop_after,
    )


def test_the_model_has_the_weights_of_the_epoch_that_was_best_by_the_objective() -> None:
    # Steps this large end elsewhere than at their best.
    plan = TrainingPlan(epochs=12, metric="val_loss", direction="minimize", early_stopping=None)
    result, parts = run({"learning_rate": 0.3}, plan), make_parts()
    losses = result.curves["val_loss"]
    assert result.epochs == len(losses) == 12
    assert result.metrics["val_loss"] == min(losses) < losses[-1]
    validation = Examples(parts.x_validation, parts.y_validation)
    judged = evaluate(result.model, validation, SHAPE)
    assert judged.metrics["loss"] == pytest.approx(result.metrics["val_loss"], rel=1e-5)
    assert judged.metrics["accuracy"] == pytest.approx(result.metrics["val_accuracy"], abs=1e-6)


def test_of_equally_good_epochs_the_first_is_the_best() -> None:
    result = run(STANDSTILL, TrainingPlan(epochs=3))
    assert len(set(result.curves["val_accuracy"])) == 1
    assert result.best_epoch == 1


def test_early_stopping_ends_a_training_that_improves_no_more() -> None:
    result = run(STANDSTILL, TrainingPlan(epochs=9, early_stopping=EarlyStopping(patience=2)))
    assert result.epochs == 3
    assert not result.stopped


def test_every_epoch_is_reported_and_the_answer_false_ends_the_training() -> None:
    reports = []

    def report(epoch: int, metrics: dict[str, float]) -> bool:
        reports.append((epoch, metrics))
        return epoch < 2

    result = train(MLP(SHAPE), PARAMS, make_parts(), TrainingPlan(epochs=9), 7, report)
    assert result.stopped
    assert [epoch for epoch, _ in reports] == [1, 2]
    assert set(reports[0][1]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    curves = {name: [metrics[name] for _, metrics in reports] for name in reports[0][1]}
    assert result.curves == curves


def test_a_parameter_named_epochs_goes_before_the_plan() -> None:
    assert run({"epochs": 2.0}).epochs == 2


def test_a_loss_that_is_no_number_makes_the_parameters_infeasible() -> None:
    with pytest.raises(InfeasibleError, match="loss became nan in epoch 1"):
        run({"learning_rate": 1e38})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"layers": 0}, "layers must be a whole number of at least 1, not 0"),
        ({"layers": 2}, "units_2 does not exist"),
        ({"units_1": 2.5}, "units_1 must be a whole number"),
        ({"units_1": "many"}, "cannot build the model"),
        ({"activation": "sharp"}, "cannot build the model: .*sharp"),
        ({"dropout": 3.0}, "cannot build the model: .*3.0"),
        ({"optimizer": "climb"}, "cannot build the model: .*climb"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
    ],
)
def test_what_cannot_be_built_is_infeasible_for_a_reason_of_one_line(
    changes: Mapping[str, Value], reason: str
) -> None:
    with pytest.raises(InfeasibleError, match=reason) as refusal:
        run(changes)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("units", [10**9, 2**53])
def test_a_model_too_large_is_refused_before_memory_is_taken(units: int) -> None:
    before = psutil.Process().memory_info().rss
    with pytest.raises(InfeasibleError, match=r"a model of [\d,]+ weights is too large"):
        run({"units_1": units})
    with keras.StatelessScope():
        pass  # gives values to variables that were left without
    assert psutil.Process().memory_info().rss - before < 2**28


class Broken(MLP):
    def build(self, hp: object) -> keras.Model:
        raise RuntimeError("a bug")


def test_an_error_that_is_not_the_parameters_fault_is_passed_on() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        run(family=Broken(SHAPE))


def test_memory_mapped_rows_give_the_same_result(tmp_path: Path) -> None:
    mapped = {}
    for name, array in vars(make_parts()).items():
        np.save(tmp_path / f"{name}.npy", array)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    assert run(parts=Parts(**mapped)).curves == run().curves


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_every_parameter_of_training(name: str) -> None:
    given = {"learning_rate": 0.5, "clipnorm": 2.0, "weight_decay": 0.25}
    optimizer = make_optimizer({"optimizer": name, **given})
    assert type(optimizer).__name__.lower() == name
    config = optimizer.get_config()
    assert {key: config[key] for key in given} == pytest.approx(given)
    make_optimizer({**DEFAULTS, "optimizer": name})
