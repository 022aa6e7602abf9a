"""Pictures that don't fit into memory train as those that do."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kerasearch.models import load_family
from kerasearch.models import training_data as training_data_module
from kerasearch.models.datasets import images
from kerasearch.models.datasets.generated.shapes import draw
from kerasearch.models.datasets.images import Pictures, write_pixels
from kerasearch.models.evaluation import Evaluation, evaluate
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.training_data import training_data

PARAMS = {
    "blocks": 1,
    "filters": 4,
    "kernel_size": 3,
    "pooling": "max",
    "batch_norm": False,
    "dense_units": 8,
    "dropout": 0.0,
    "augmentation": False,
    "learning_rate": 0.01,
    "batch_size": 32,
}


def run(path: Path) -> tuple[TrainedModel, Evaluation]:
    drawn = draw(120)
    assert drawn.y is not None
    write_pixels(path, drawn.x.astype(np.uint8), len(drawn), drawn.x.shape[1:])
    dataset = Pictures.of(path, drawn.x.shape[1:], drawn.y, drawn.classes)
    split = dataset.split(SimpleNamespace(validation=0.2, test=0.2, stratify=True, seed=0))
    data = training_data(
        dataset,
        split.train,
        split.validation,
        task="classification",
        scale="standard",
        params=PARAMS,
    )
    plan = TrainingPlan(2, early_stopping=None)
    family = load_family("cnn")(data.shape)
    trained = train(family, PARAMS, data.parts, plan, 7, lambda *_: True)
    return trained, evaluate(trained.model, data.validation, data.shape)


def test_scaling_is_fitted_to_as_many_streamed_pictures_as_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 1), np.uint8)
    write_pixels(tmp_path / "pixels", pixels, len(pixels), pixels.shape[1:])
    monkeypatch.setattr(images, "IN_MEMORY_BYTES", 0)
    read = []
    real = images.read_pixels
    monkeypatch.setattr(images, "read_pixels", lambda *a: read.append(a[2]) or real(*a))
    monkeypatch.setattr(training_data_module, "SAMPLE_BYTES", 10 * 6 * 6 * 4)
    dataset = Pictures.of(tmp_path / "pixels", (6, 6, 1), np.arange(40) % 2, ("a", "b"))
    rows = np.arange(40)
    data = training_data(dataset, rows, rows, task="classification", scale="minmax", params=PARAMS)
    assert max(map(len, read)) == 10
    assert data.shape.scaling.offset < 10


def test_streamed_pictures_train_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, judged = run(tmp_path / "pixels")
    monkeypatch.setattr(images, "IN_MEMORY_BYTES", 1000)
    streamed, judged_streamed = run(tmp_path / "pixels")
    assert held.path == "compiled epochs"
    assert streamed.path == "model.fit"
    assert streamed.path_reason.startswith("streamed")
    for one, other in zip(held.model.get_weights(), streamed.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert judged.metrics["loss"] == pytest.approx(judged_streamed.metrics["loss"], rel=1e-4)
