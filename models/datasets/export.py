"""Write a dataset as the CSV file that people have."""

import csv
from pathlib import Path

import numpy as np

from kerasearch.models.datasets.dataset import Dataset
from kerasearch.models.datasets.padding import PADDING
from kerasearch.searchspaces.problems import InvalidInput


def export_csv(dataset: Dataset, path: Path) -> None:
    """Features, for a sequence then its run's number (no feature), and last the target.

    A class is named, in a column `label`; a number stands in a column `y`. Images are written pixel
    by pixel, row after row. Numbers are as short as float32 allows, so that reading the file gives
    the same `x` and `y`. Steps that a sequence hasn't are empty cells.

    Of ratings each is a line: user, item, rating.

    Raises:
        InvalidInput: It has more than one class or number an example.
    """
    if dataset.kind == "ratings":
        _export_ratings(dataset, path)
        return
    if dataset.x.ndim < 2 or (dataset.y is not None and dataset.y.ndim > 1):
        raise InvalidInput.at("", f"a {dataset.kind} with a target a step is no table")
    flat = dataset.x.reshape(len(dataset.x), -1)
    names = dataset.features or [f"x_{i}" for i in range(flat.shape[1])]
    numbered = dataset.kind == "sequence"
    target = [] if dataset.y is None else ["y" if dataset.labels is None else "label"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *(["run"] if numbered else []), *target])
        for run, values in enumerate(flat):
            cells = ["" if value == PADDING else _shortest(value) for value in values]
            writer.writerow([*cells, *([run] if numbered else []), *_target(dataset, run)])


def _export_ratings(dataset: Dataset, path: Path) -> None:
    from kerasearch.models.datasets.ratings import Ratings  # scipy, which nothing else needs here

    assert isinstance(dataset, Ratings)  # noqa: S101 - there is no other of this kind
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "rating"])
        for user, item, rating in dataset.lines():
            writer.writerow([user, item, _shortest(rating)])


def _target(dataset: Dataset, row: int) -> list[str]:
    if dataset.y is None:
        return []
    value = dataset.y[row]
    return [_shortest(value) if dataset.labels is None else dataset.classes[value]]


def _shortest(value: np.float32) -> str:
    return np.format_float_positional(value, trim="-")
