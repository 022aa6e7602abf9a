"""Compiled epochs do what `model.fit` does, and leave nothing behind for the next trial."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters
from numpy.typing import NDArray

from kerasearch.models import load_family
from kerasearch.models.datasets import Scaling
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.epoch_programs import EpochPrograms
from kerasearch.models.evaluation import predict
from kerasearch.models.family import DataShape, ModelFamily, hyperparameters
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.loops import epoch_order
from kerasearch.models.measuring import latency_ms
from kerasearch.models.mlp import MLP
from kerasearch.models.optimizers import make_optimizer
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.twins import Twin
from kerasearch.searchspaces.space import Value
from kerasearch.searchspaces.training import DEFAULTS, OPTIMIZERS

SEED = 5
LAST_IS_BEST = TrainingPlan(epochs=3, metric="loss", direction="minimize", early_stopping=None)
BY_XLA = replace(LAST_IS_BEST, xla=True)
WEIGHED = replace(LAST_IS_BEST, class_weight={"b": 5.0, "c": 0.5})
DENSE: dict[str, Value] = {
    "layers": 2,
    "units_1": 8,
    "units_2": 6,
    "activation": "tanh",
    "batch_norm": True,
    "dropout": 0.0,
    "batch_size": 16,
    "learning_rate": 0.003,
}
CELL: dict[str, Value] = {
    "cell": "lstm",
    "units": 5,
    "layers": 1,
    "second_layer": "one",
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "recurrent_initializer": "orthogonal",
    "batch_size": 16,
    "learning_rate": 0.003,
}


CONVOLUTION: dict[str, Value] = {
    "blocks": 2,
    "filters": 4,
    "kernel_size": 3,
    "pooling": "max",
    "batch_norm": True,
    "dense_units": 6,
    "dropout": 0.0,
    "batch_size": 16,
    "learning_rate": 0.003,
}
IMAGE = {**CONVOLUTION, "augmentation": False}
PADDED = {**CELL, "cell": "gru", "padded": True}
OTHER_OPTIMIZERS: dict[str, dict[str, Value]] = {
    name: {
        "optimizer": name,
        "batch_norm": False,
        "learning_rate": 0.3 if name == "ftrl" else 0.003,
    }
    for name in OPTIMIZERS
    if name not in ("adam", "nadam", "adamw", "rmsprop")
}
"""Those that no family is compared with `model.fit` by, with which each epoch is better."""


def make_family(params: Mapping[str, Value], scale: float = 10.0) -> ModelFamily:
    shape: tuple[int, ...]
    if "cell" in params:
        name, shape = "recurrent", (7, 2)
    elif "augmentation" in params:
        name, shape = "cnn", (6, 6, 2)
    elif "blocks" in params:
        name, shape = "conv1d", (7, 2)
    else:
        name, shape = "mlp", (4,)
    channels = shape[-1:]
    scaling = Scaling(np.full(channels, 1.5, np.float32), np.full(channels, scale, np.float32))
    return load_family(name)(
        DataShape(shape, 3, scaling, class_names=("a", "b", "c"), padded="padded" in params)
    )


def make_parts(family: ModelFamily, rows: int = 150) -> Parts:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, rows)
    x = rng.normal(10.0 * y.reshape(-1, *[1] * len(family.data.input_shape)), 5.0)
    x = (x + rng.normal(size=(rows, *family.data.input_shape))).astype(np.float32)
    if family.data.padded:
        x[np.arange(x.shape[1]) >= rng.integers(3, 8, rows)[:, np.newaxis]] = PADDING
    split = rows * 2 // 3
    return Parts(x[:split], y[:split], x[split:], y[split:])


def run(
    params: Mapping[str, Value],
    programs: EpochPrograms,
    family: ModelFamily | None = None,
    plan: TrainingPlan = LAST_IS_BEST,
    seed: int = SEED,
) -> TrainedModel:
    family = family or make_family(params)
    return train(family, params, make_parts(family), plan, seed, lambda *_: True, programs)


def all_numbers(model: keras.Model) -> list[NDArray[np.float32]]:
    return [np.asarray(v) for v in (*model.variables, *model.optimizer.variables)]


def assert_identical(one: TrainedModel, other: TrainedModel) -> None:
    assert one.curves == other.curves
    assert one.summary == other.summary
    assert one.model.get_config() == other.model.get_config()
    assert one.model.get_compile_config() == other.model.get_compile_config()
    for mine, theirs in zip(all_numbers(one.model), all_numbers(other.model), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("params", "plan"),
    [
        (DENSE, LAST_IS_BEST),
        (
            {**DENSE, "batch_norm": False, "optimizer": "nadam", "clipnorm": 0.1, "batch_size": 7},
            LAST_IS_BEST,
        ),
        ({**DENSE, "optimizer": "adamw", "weight_decay": 0.2, "clipnorm": 0.3}, LAST_IS_BEST),
        ({**DENSE, "dropout": 0.3}, LAST_IS_BEST),
        ({**DENSE, "dropout": 0.3}, BY_XLA),
        (DENSE, WEIGHED),
        ({**DENSE, "batch_size": 33}, replace(WEIGHED, xla=True)),
        (CELL, LAST_IS_BEST),
        (CELL, BY_XLA),
        ({**CELL, "cell": "gru", "optimizer": "rmsprop", "layers": 2}, LAST_IS_BEST),
        (
            {
                **CELL,
                "cell": "simple_rnn",
                "weight_decay": 0.1,
                "second_layer": "two",
                "dense_units": 4,
            },
            LAST_IS_BEST,
        ),
        (PADDED, WEIGHED),
        (IMAGE, LAST_IS_BEST),
        (CONVOLUTION, LAST_IS_BEST),
        *(
            pytest.param({**DENSE, **numbers}, LAST_IS_BEST, marks=pytest.mark.slow)
            for numbers in OTHER_OPTIMIZERS.values()
        ),
    ],
    ids=[
        "mlp",
        "mlp-nadam-clipped",
        "mlp-adamw",
        "mlp-dropout",
        "mlp-dropout-xla",
        "mlp-weighed",
        "mlp-weighed-xla",
        "lstm",
        "lstm-xla",
        "gru",
        "simple-rnn",
        "gru-padded-weighed",
        "cnn",
        "conv1d",
        *OTHER_OPTIMIZERS,
    ],
)
def test_weights_and_curves_after_three_epochs_are_those_of_model_fit(
    params: dict[str, Value], plan: TrainingPlan
) -> None:
    family = make_family(params)
    parts = make_parts(family)
    result = run(params, EpochPrograms(), plan=plan)
    assert result.path == "compiled epochs"
    assert result.path_reason.endswith("; XLA from epoch 1") is plan.xla
    assert result.best_epoch == 3

    keras.utils.set_random_seed(SEED)
    plain = family.build(hyperparameters(params))
    plain.compile(
        make_optimizer({**DEFAULTS, **params}),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    for epoch in range(3):
        order = epoch_order(len(parts.y_train), SEED, epoch)
        logs = plain.fit(
            parts.x_train[order],
            parts.y_train[order],
            batch_size=params["batch_size"],
            shuffle=False,
            class_weight={0: 1.0, 1: 5.0, 2: 0.5} if plan.class_weight else None,
            validation_data=(parts.x_validation, parts.y_validation),
            verbose=0,
        ).history
        for name, (value,) in logs.items():
            assert result.curves[name][epoch] == pytest.approx(value, rel=1e-5)
    for mine, theirs in zip(result.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.slow
def test_a_program_that_has_trained_others_does_exactly_what_a_new_one_does() -> None:
    other = {
        "dropout": 0.1,
        "clipnorm": 3,
        "weight_decay": 0.2,
        "learning_rate": 0.03,
        "batch_size": 33,
    }
    augmented = {"augmentation": True, "flip": "none", "rotation": 0.1, "zoom": 0.1, "shear": 0.1}
    rates = {"dropout": 0.3, "clipnorm": 0.5, "weight_decay": 0.01}
    for base in (DENSE, CELL, {**IMAGE, **augmented}):
        one = {**base, **rates}
        two = {**one, **other}
        family = make_family(one, scale=3.0)  # as a retraining has it: another split
        alone = run(one, EpochPrograms()), run(two, EpochPrograms(), family, seed=6)
        kept = EpochPrograms()
        assert_identical(run(one, kept), alone[0])
        assert_identical(run(two, kept, family, seed=6), alone[1])
        assert_identical(run(one, kept), alone[0])
        assert len(kept) == 1
        assert alone[0].curves != alone[1].curves


ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
from test_epoch_programs import DENSE, EpochPrograms, all_numbers, np, run
result = run({**DENSE, "dropout": 0.3}, EpochPrograms())
np.savez(sys.argv[2], *all_numbers(result.model))
"""


@pytest.mark.slow
def test_a_process_that_has_trained_does_exactly_what_a_fresh_one_does(tmp_path: Path) -> None:
    file = tmp_path / "numbers.npz"
    subprocess.run([sys.executable, "-c", ALONE, str(Path(__file__).parent), file], check=True)
    programs = EpochPrograms()
    run({**DENSE, "dropout": 0.1, "learning_rate": 0.1}, programs, seed=1)
    warm = run({**DENSE, "dropout": 0.3}, programs)
    assert warm.path_reason == "kept from another trial"
    for mine, theirs in zip(all_numbers(warm.model), np.load(file).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(name, marks=[] if name in ("adam", "sgd") else pytest.mark.slow)
        for name in OPTIMIZERS
    ],
)
def test_every_optimizer_starts_afresh_in_a_kept_program(optimizer: str) -> None:
    params = {**DENSE, "layers": 1, "batch_norm": False, "optimizer": optimizer}
    params |= {"clipnorm": 1.0, "weight_decay": 0.01}
    programs = EpochPrograms()
    first = run(params, programs)
    run({**params, "learning_rate": 0.02, "clipnorm": 0.1, "weight_decay": 0.5}, programs)
    again = run(params, programs)
    assert again.path_reason == "kept from another trial"
    assert_identical(first, again)


def test_by_xla_the_same_seed_gives_the_same_weights() -> None:
    params = {**DENSE, "batch_norm": False, "dropout": 0.3}
    plan = replace(LAST_IS_BEST, xla=True)
    programs = EpochPrograms()
    first = run(params, programs, plan=plan)
    other = run({**params, "dropout": 0.1, "learning_rate": 0.03}, programs, plan=plan, seed=6)
    assert other.curves != first.curves
    again = run(params, programs, plan=plan)
    assert again.path_reason == "kept from another trial; XLA from epoch 1"
    assert_identical(first, again)


def test_what_xla_cannot_compile_is_trained_without_it_and_says_why() -> None:
    programs = EpochPrograms()
    asked = run(IMAGE, programs, plan=replace(LAST_IS_BEST, xla=True))
    assert asked.path == "compiled epochs"
    assert asked.path_reason.startswith("a new architecture; no XLA: ")
    assert "MaxPool" in asked.path_reason
    assert_identical(asked, run(IMAGE, programs))


def test_numbers_share_a_program_and_what_shapes_the_graph_does_not() -> None:
    programs = EpochPrograms()
    reasons = [
        run({**DENSE, **changes}, programs, plan=TrainingPlan(epochs=1)).path_reason
        for changes in (
            {"dropout": 0.1},
            {"dropout": 0.5, "learning_rate": 0.1, "batch_size": 8},
            {"dropout": 0.0},
            {"dropout": 0.0, "activation": "relu"},
            {"dropout": 0.1, "optimizer": "sgd"},
            {"dropout": 0.1, "clipnorm": 1.0},
            {"dropout": 0.9},
        )
    ]
    new, kept = "a new architecture", "kept from another trial"
    assert reasons == [new, kept, new, new, new, new, kept]


def test_a_trained_model_is_plain_keras_with_its_own_rates(tmp_path: Path) -> None:
    programs = EpochPrograms()
    for rate in (0.125, 0.25):
        params = {**DENSE, "dropout": rate, "learning_rate": rate, "clipnorm": 4 * rate}
        result = run(params, programs, plan=TrainingPlan(epochs=2, early_stopping=None))
        result.model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        layers = [one for one in loaded.layers if type(one) is keras.layers.Dropout]
        assert [one.rate for one in layers] == [rate, rate]
        assert loaded.optimizer.get_config()["clipnorm"] == 4 * rate
        assert float(loaded.optimizer.learning_rate) == rate
        assert int(loaded.optimizer.iterations) == 2 * 7  # 100 rows in batches of 16


def test_an_earlier_model_still_predicts_by_its_own_weights() -> None:
    programs = EpochPrograms()
    first = run(DENSE, programs)
    rows = make_parts(make_family(DENSE)).x_validation
    before = first.model.predict(rows, verbose=0)
    second = run({**DENSE, "learning_rate": 0.1}, programs, make_family(DENSE, scale=2.0))
    assert np.abs(second.model.predict(rows, verbose=0) - before).max() > 0.01
    np.testing.assert_array_equal(first.model.predict(rows, verbose=0), before)
    np.testing.assert_allclose(first.model(rows), before, rtol=1e-5)


def test_a_training_that_failed_leaves_nothing_to_the_next() -> None:
    programs = EpochPrograms()
    first = run(DENSE, programs)
    with pytest.raises(InfeasibleError, match="became"):
        run({**DENSE, "learning_rate": 1e38}, programs)
    assert_identical(run(DENSE, programs), first)


def test_programs_are_kept_up_to_a_count_and_a_size() -> None:
    one, other = DENSE, {**DENSE, "activation": "relu"}
    plan = TrainingPlan(epochs=1)
    few = EpochPrograms(count=1)
    run(one, few, plan=plan)
    run(other, few, plan=plan)
    assert len(few) == 1
    assert run(other, few, plan=plan).path_reason == "kept from another trial"

    weights = run(one, few, plan=plan).model.count_params()
    small = EpochPrograms(weights=weights)
    run(one, small, plan=plan)
    run(other, small, plan=plan)
    assert len(small) == 1
    large = run({**one, "units_1": 99}, small, plan=plan)
    assert (large.path, large.path_reason) == ("model.fit", "too large to be in memory twice")


def test_the_latency_of_a_model_is_its_own() -> None:
    result = run(DENSE, EpochPrograms(), plan=TrainingPlan(epochs=1))
    rows = make_parts(make_family(DENSE)).x_validation
    before = predict(result.model, rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Twin, "take_layers", None)
        assert latency_ms(result.model, rows[:1]) > 0
    np.testing.assert_array_equal(predict(result.model, rows), before)


@pytest.mark.parametrize(
    "base",
    [{**DENSE, "optimizer": "adamw", "clipnorm": 1.0}, IMAGE],
    ids=["mlp", "cnn"],
)
def test_in_mixed_precision_only_the_layers_between_compute_in_half(
    base: dict[str, Value], tmp_path: Path
) -> None:
    plan = TrainingPlan(epochs=3, early_stopping=None, mixed_precision=True)
    family = make_family(base, scale=1e6)
    parts = make_parts(family)
    large = Parts(parts.x_train * 1e5, parts.y_train, parts.x_validation * 1e5, parts.y_validation)
    result = train(family, base, large, plan, SEED, lambda *_: True, EpochPrograms())
    assert result.path == "compiled epochs"
    assert np.isfinite(predict(result.model, large.x_validation)).all()
    computed = {layer.compute_dtype for layer in result.model.layers}
    assert computed == {"float32", "float16"}
    assert result.model.output.dtype == "float32"
    assert {v.dtype for v in result.model.trainable_variables} == {"float32"}
    result.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    rows = make_parts(make_family(base)).x_validation
    np.testing.assert_array_equal(loaded.predict(rows, verbose=0).dtype, np.float32)
    assert keras.config.dtype_policy().name == "float32"


class Doubling(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    def call(self, inputs: object) -> object:
        return keras.ops.multiply(inputs, 2.0)


class OwnStep(keras.Model):  # type: ignore[misc]
    def train_step(self, data: object) -> object:
        return {**super().train_step(data), "own": keras.ops.ones(())}


class WithOwnLayer(MLP):
    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        return self.classifier(inputs, Doubling()(x))


class WithOwnFunction(MLP):
    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        return self.classifier(inputs, keras.layers.Dense(4, activation=lambda a: a * 2)(x))


class WithOwnStep(MLP):
    def build(self, hp: HyperParameters) -> keras.Model:
        plain = super().build(hp)
        return OwnStep(plain.inputs[0], plain.outputs[0])


@pytest.mark.parametrize(
    ("family", "what"),
    [(WithOwnLayer, "Doubling"), (WithOwnFunction, "a lambda"), (WithOwnStep, "OwnStep")],
)
def test_what_is_not_all_keras_own_is_trained_by_model_fit(
    family: type[ModelFamily], what: str
) -> None:
    programs = EpochPrograms()
    model = family(make_family(DENSE).data)
    first, again = (run(DENSE, programs, model, TrainingPlan(epochs=2)) for _ in range(2))
    assert (first.path, first.path_reason) == ("model.fit", f"not Keras's own: {what}")
    assert first.curves == again.curves
    assert (first.curves.get("own") == [1.0, 1.0]) is (family is WithOwnStep)
    assert len(programs) == 0


def test_model_fit_weighs_rows_as_compiled_epochs_do() -> None:
    compiled = run(DENSE, EpochPrograms(), plan=WEIGHED)
    fitted = run(DENSE, EpochPrograms(), WithOwnStep(make_family(DENSE).data), WEIGHED)
    assert fitted.path == "model.fit"
    for name, curve in compiled.curves.items():
        assert fitted.curves[name] == pytest.approx(curve, rel=1e-4)


def test_weights_of_rows_are_another_program() -> None:
    programs = EpochPrograms()
    one = replace(WEIGHED, class_weight={"a": 2.0})
    reasons = [run(DENSE, programs, plan=p).path_reason for p in (LAST_IS_BEST, WEIGHED, one)]
    assert reasons == ["a new architecture", "a new architecture", "kept from another trial"]
