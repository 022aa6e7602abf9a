"""Quick pictures show what the careful ones do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasearch.models.quick_pictures import (
    DARK,
    TRAIN,
    VALIDATION,
    draw_confusion_matrix,
    draw_curves,
)


def colours(path: Path) -> dict[tuple[int, int, int], int]:
    with Image.open(path) as picture:
        return {colour: count for count, colour in picture.getcolors(1 << 24)}


@pytest.mark.parametrize("classes", [2, 8, 40, 1000])
def test_a_confusion_matrix_becomes_a_picture_of_moderate_size(
    classes: int, tmp_path: Path
) -> None:
    counts = np.random.default_rng(0).integers(0, 2000, (classes, classes))
    draw_confusion_matrix(
        counts, [f"setting-{i}-fast-long-hubs" for i in range(classes)], tmp_path / "m.png"
    )
    with Image.open(tmp_path / "m.png") as picture:
        assert all(100 < side < 2000 for side in picture.size)


def test_a_cell_is_as_dark_as_its_share_of_the_class(tmp_path: Path) -> None:
    right = tmp_path / "right.png"
    draw_confusion_matrix(np.diag([5, 5]), ["a", "b"], right)
    mixed = tmp_path / "mixed.png"
    draw_confusion_matrix(np.full((2, 2), 5), ["a", "b"], mixed)
    assert colours(right)[DARK] > 1000
    assert DARK not in colours(mixed)


def test_classes_may_be_empty(tmp_path: Path) -> None:
    draw_confusion_matrix(np.zeros((2, 2), np.int64), ["a", "b"], tmp_path / "m.png")
    assert DARK not in colours(tmp_path / "m.png")


@pytest.mark.parametrize("epochs", [1, 40])
def test_curves_are_drawn_with_and_without_validation(epochs: int, tmp_path: Path) -> None:
    falling = list(np.linspace(2, 1, epochs))
    both = {"loss": falling, "accuracy": falling, "val_loss": falling, "val_accuracy": falling}
    draw_curves(both, epochs, tmp_path / "both.png")
    draw_curves({"loss": falling}, 1, tmp_path / "loss.png")
    assert {TRAIN, VALIDATION} <= set(colours(tmp_path / "both.png"))
    assert VALIDATION not in colours(tmp_path / "loss.png")


def test_epochs_without_a_number_leave_a_gap(tmp_path: Path) -> None:
    nan = float("nan")
    draw_curves({"loss": [nan, 1.0, nan], "val_loss": [nan] * 3}, 1, tmp_path / "gap.png")
    assert VALIDATION not in {c for c, n in colours(tmp_path / "gap.png").items() if n > 500}
