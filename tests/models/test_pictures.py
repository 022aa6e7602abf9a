import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from kerasearch.models.pictures import draw_confusion_matrix, draw_curves


@pytest.mark.parametrize("classes", [2, 8, 40])
def test_a_confusion_matrix_becomes_a_picture_of_moderate_size(
    classes: int, tmp_path: Path
) -> None:
    counts = np.random.default_rng(0).integers(0, 2000, (classes, classes))
    names = [f"setting-{index}-fast-long-hubs-many" for index in range(classes)]
    draw_confusion_matrix(counts, names, tmp_path / "matrix.png")
    height, width, _ = imread(tmp_path / "matrix.png").shape
    assert 300 < height < 3000
    assert 300 < width < 3000


def test_class_names_are_no_formulas_and_classes_may_be_empty(tmp_path: Path) -> None:
    draw_confusion_matrix(np.zeros((2, 2), np.int64), [r"$\frac$", "a_b^c$"], tmp_path / "m.png")
    assert (tmp_path / "m.png").exists()


@pytest.mark.parametrize("epochs", [1, 40])
def test_curves_are_drawn_with_and_without_validation(epochs: int, tmp_path: Path) -> None:
    falling = list(np.linspace(2, 1, epochs))
    both = {"loss": falling, "accuracy": falling, "val_loss": falling, "val_accuracy": falling}
    draw_curves(both, epochs, tmp_path / "curves.png")
    draw_curves({"loss": falling}, 1, tmp_path / "loss.png")
    assert imread(tmp_path / "curves.png").shape[1] > imread(tmp_path / "loss.png").shape[1]


def test_pictures_need_neither_keras_nor_pyplots_global_state() -> None:
    code = (
        "import sys, kerasearch.models.pictures;"
        "assert not {'keras', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
