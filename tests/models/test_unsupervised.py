"""Families that learn from the rows alone."""

from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerasearch.models import FAMILIES, load_family
from kerasearch.models.datasets import load_builtin
from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.generated.anomalies import measure
from kerasearch.models.evaluation import Evaluation, evaluate
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.tasks import TaskName
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces.parameters import Value

Params = Mapping[str, Value]
CODE: Params = {
    "code": 6,
    "layers": 2,
    "activation": "tanh",
    "learning_rate": 0.01,
    "batch_size": 32,
}
VARIANTS: dict[str, Params] = {
    "deep": {},
    "sparse": {"sparsity": "l1", "sparsity_weight": 1e-4},
    "denoising": {"noise": 0.1},
    "contractive": {"contraction": 1e-4},
    "stacked": {"pretraining_epochs": 3},
}
BELIEF: Params = {
    "layers": 2,
    "units_1": 128,
    "units_2": 64,
    "pretraining_epochs": 5,
    "pretraining_rate": 0.01,
    "learning_rate": 0.01,
    "batch_size": 32,
}


@cache
def digits() -> Dataset:
    return load_builtin("digits")


def run(
    family: str, dataset: Dataset, params: Params, epochs: int, task: TaskName = "reconstruction"
) -> tuple[TrainedModel, Evaluation, TrainingData]:
    split = dataset.split(SimpleNamespace(validation=0.2, test=0.2, stratify=True, seed=0))
    scale = FAMILIES[family].scales[0]
    data = training_data(
        dataset, split.train, split.validation, task=task, scale=scale, params=params
    )
    plan = TrainingPlan(epochs, "val_loss", "minimize", early_stopping=None)
    made = load_family(family)(data.shape)
    trained = train(made, params, data.parts, plan, 7, lambda *_: True)
    return trained, evaluate(trained.model, data.validation, data.shape), data


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_autoencoder_finds_anomalies(variant: str) -> None:
    params = {**CODE, "variant": variant, **VARIANTS[variant]}
    trained, judged, _ = run("autoencoder", measure(600), params, 30)
    assert judged.metrics["loss"] < 0.6  # of the variance: a code of 6 for 10 features
    assert judged.metrics["auc"] > 0.8
    assert trained.curves["val_loss"][-1] < trained.curves["val_loss"][0]


def test_a_sparse_code_by_divergence_is_as_active_as_it_is_told() -> None:
    params = {
        **CODE,
        "variant": "sparse",
        "activation": "sigmoid",
        "sparsity": "kl",
        "sparsity_weight": 10.0,
        "sparsity_target": 0.05,
        "layers": 1,
    }
    trained, _, data = run("autoencoder", measure(600), params, 80)
    codes = keras.Model(trained.model.input, trained.model.get_layer("codes").output)
    activity = codes.predict(data.validation.x, verbose=0).mean(axis=0)
    np.testing.assert_allclose(activity, 0.05, atol=0.04)


def test_stacked_layers_start_better_than_random_ones() -> None:
    dataset = measure(600)
    first = {}
    for variant in ("deep", "stacked"):
        params = {**CODE, "variant": variant, "learning_rate": 1e-4, "pretraining_epochs": 20}
        first[variant] = run("autoencoder", dataset, params, 1)[0].curves["val_loss"][0]
    assert first["stacked"] < 0.8 * first["deep"]


def test_a_machine_reconstructs_digits_it_has_not_seen() -> None:
    params = {"hidden": 64, "gibbs_steps": 1, "learning_rate": 0.05, "optimizer": "sgd"}
    trained, judged, _ = run("rbm", digits(), {**params, "batch_size": 16}, 10)
    pixels = trained.metrics["val_mae"]
    assert pixels == pytest.approx(judged.metrics["mae"], rel=1e-4)
    assert pixels < 2.5  # of 16 grey values; always the mean comes to 4
    energies = trained.curves["free_energy"], trained.curves["val_free_energy"]
    assert np.isfinite(energies).all()
    assert energies[0][-1] < energies[0][0]


@pytest.mark.parametrize("task", ["classification", "reconstruction"])
def test_fine_tuning_starts_better_than_random(task: TaskName) -> None:
    first = {
        epochs: run("dbn", digits(), {**BELIEF, "pretraining_epochs": epochs}, 1, task)[0].curves[
            "val_loss"
        ][0]
        for epochs in (0, 5)
    }
    assert first[5] < 0.8 * first[0]


def test_a_belief_network_tells_digits() -> None:
    assert run("dbn", digits(), BELIEF, 15, "classification")[1].metrics["accuracy"] > 0.93


@pytest.mark.parametrize(
    ("family", "params"),
    [
        ("dbn", BELIEF),
        ("rbm", {"hidden": 8, "gibbs_steps": 2, "batch_size": 64}),
        ("autoencoder", {**CODE, "variant": "denoising", "noise": 0.1}),
        ("autoencoder", {**CODE, "variant": "stacked", "pretraining_epochs": 2}),
    ],
)
def test_the_same_seed_gives_the_same_result(family: str, params: Params) -> None:
    one, other = (run(family, measure(100), params, 2)[0].curves for _ in range(2))
    assert one == other
