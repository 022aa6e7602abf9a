"""The pictures that every trial has, drawn in milliseconds: few of so many are looked at.

What `pictures` draws by matplotlib takes a third of a second of processor time each.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import isfinite
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kerasearch.models.class_evaluation import Counts
from kerasearch.models.evaluation import Table

Colour = tuple[int, int, int]

PNG_LEVEL = 1
"""Of compression: 15 % sooner drawn than at the usual 6, and 10 to 30 % larger."""

FINE = 2
"""Everything is drawn this much larger and then shrunk, which smooths the lines."""

INK, FAINT, WHITE = (34, 34, 34), (221, 221, 221), (255, 255, 255)
TRAIN, VALIDATION = (68, 119, 170), (238, 102, 119)
DARK = (8, 48, 107)  # of a cell that holds all of its class
FONT_SIZE, MAX_NAME, MAX_COUNTED = 12, 24, 30
PANEL, MARGIN, GAP, TITLE = (420, 260), 56, 12, 330


def draw_confusion_table(table: Table, path: Path) -> None:
    draw_confusion_matrix(np.asarray(table["counts"]), table["classes"], path)


def draw_confusion_matrix(counts: Counts, classes: Sequence[str], path: Path) -> None:
    """Counts in the cells, coloured by their share of the true class; PNG.

    Args:
        counts: As `confusion_matrix` gives it.
        classes: Their names, in the order of their indices.
        path: Where to write it.
    """
    n = len(classes)
    cell = max(1, min(44, 900 // n))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…" for name in classes]
    named = cell >= FONT_SIZE
    left = GAP + max(round(_font(FONT_SIZE).getlength(name)) for name in names) if named else GAP
    corner, size = (left + GAP, 2 * FONT_SIZE + GAP), cell * n
    picture = _Picture(max(corner[0] + size + GAP, TITLE), corner[1] + size + left + GAP)
    right = int(np.trace(counts))
    share = right / max(int(counts.sum()), 1)
    picture.text((GAP, GAP), f"{right:,} of {counts.sum():,} right ({share:.1%}); rows: true class")
    picture.cells(corner, size, WHITE + (np.array(DARK) - WHITE) * shares[..., np.newaxis])
    for row, column in np.ndindex(n, n) if n <= MAX_COUNTED else ():
        ink = WHITE if shares[row, column] > 0.5 else INK
        middle = (corner[0] + (column + 0.5) * cell, corner[1] + (row + 0.5) * cell)
        picture.text(middle, str(counts[row, column]), ink, anchor="mm")
    for place, name in enumerate(names if named else ()):
        along = (place + 0.5) * cell
        picture.text((left, corner[1] + along), name, anchor="rm")
        picture.upright(name, (corner[0] + along, corner[1] + size + GAP / 2))
    picture.save(path)


def draw_curves(curves: Mapping[str, Sequence[float]], best_epoch: int, path: Path) -> None:
    """One panel a metric, train against validation by epoch, the best epoch marked; PNG.

    Args:
        curves: Metric to its value at each epoch; `val_` marks those of the validation part.
        best_epoch: From 1.
        path: Where to write it.
    """
    metrics = [name for name in curves if not name.startswith("val_")]
    width, height = PANEL
    picture = _Picture(len(metrics) * (width + MARGIN) + GAP, height + 2 * MARGIN)
    for place, metric in enumerate(metrics):
        lines = {
            name: curves[key]
            for name, key in (("train", metric), ("validation", f"val_{metric}"))
            if key in curves
        }
        corner = (MARGIN + place * (width + MARGIN), MARGIN)
        _draw_panel(picture, corner, metric, lines, best_epoch)
    picture.save(path)


def _draw_panel(
    picture: "_Picture",
    corner: tuple[int, int],
    title: str,
    lines: Mapping[str, Sequence[float]],
    best_epoch: int,
) -> None:
    left, top = corner
    width, height = PANEL
    values = [value for line in lines.values() for value in line if isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    spread = (high - low) or 1.0
    epochs = max(len(line) for line in lines.values())

    def at(epoch: int, value: float) -> tuple[float, float]:
        across = (epoch - 1) / max(epochs - 1, 1)
        return left + across * width, top + height * (1 - (value - low) / spread)

    picture.text((left, top - 2 * FONT_SIZE), f"{title}; dots: best epoch, {best_epoch}")
    for mark in np.linspace(low, low + spread, 5):
        x, y = at(1, float(mark))
        picture.line([(x, y), (x + width, y)], FAINT)
        picture.text((x - 4, y), f"{mark:.3g}", anchor="rm")
    for epoch in sorted({1, (epochs + 1) // 2, epochs}):
        picture.text((at(epoch, low)[0], top + height + 4), str(epoch), anchor="ma")
    for (name, line), colour in zip(lines.items(), (TRAIN, VALIDATION), strict=False):
        points = [at(epoch, v) for epoch, v in enumerate(line, start=1) if isfinite(v)]
        picture.line(points, colour, thick=2)
        if best_epoch <= len(line) and isfinite(line[best_epoch - 1]):
            picture.dot(at(best_epoch, line[best_epoch - 1]), colour)
        shift = 0 if name == "train" else 60
        picture.text((left + shift, top + height + 2 * FONT_SIZE), name, colour)


class _Picture:
    def __init__(self, width: float, height: float) -> None:
        self._size = round(width), round(height)
        self._image = Image.new("RGB", (self._size[0] * FINE, self._size[1] * FINE), WHITE)
        self._draw = ImageDraw.Draw(self._image)

    def text(
        self, at: tuple[float, float], text: str, colour: Colour = INK, anchor: str = "la"
    ) -> None:
        font = _font(FONT_SIZE * FINE)
        self._draw.text((at[0] * FINE, at[1] * FINE), text, colour, font, anchor)

    def upright(self, text: str, at: tuple[float, float]) -> None:
        """Read from below, its end at the top."""
        font = _font(FONT_SIZE * FINE)
        width, height = round(font.getlength(text)), round(1.4 * FONT_SIZE * FINE)
        label = Image.new("RGB", (width, height), WHITE)
        ImageDraw.Draw(label).text((0, 0), text, INK, font)
        corner = round(at[0] * FINE - height / 2), round(at[1] * FINE)
        self._image.paste(label.rotate(90, expand=True), corner)

    def cells(self, corner: tuple[int, int], size: int, colours: NDArray[np.float64]) -> None:
        """A square of so many pixels, divided into cells of these colours: (n, n, 3), to 255."""
        square = Image.fromarray(colours.round().astype(np.uint8))
        larger = square.resize((size * FINE, size * FINE), Image.Resampling.NEAREST)
        self._image.paste(larger, (corner[0] * FINE, corner[1] * FINE))

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thick: float = 1) -> None:
        larger = [(x * FINE, y * FINE) for x, y in points]
        self._draw.line(larger, colour, round(thick * FINE), joint="curve")

    def dot(self, at: tuple[float, float], colour: Colour, radius: float = 3.5) -> None:
        x, y = at
        corners = x - radius, y - radius, x + radius, y + radius
        self._draw.ellipse([edge * FINE for edge in corners], colour)

    def save(self, path: Path) -> None:
        self._image.reduce(FINE).save(path, "PNG", compress_level=PNG_LEVEL)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Matplotlib's own, which knows more alphabets than Pillow's.
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)
