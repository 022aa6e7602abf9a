"""Write a dataset as the CSV file that people have."""

import csv
from pathlib import Path

import numpy as np

from kerasearch.models.datasets.dataset import Dataset


def export_csv(dataset: Dataset, path: Path) -> None:
    """Features, for a series then its run's number (no feature), and last the class, named `label`.

    Images are written pixel by pixel, row after row. Numbers are as short as float32 allows, so
    that reading the file gives the same `x` and `y`.
    """
    flat = dataset.x.reshape(len(dataset.x), -1)
    names = dataset.features or [f"x_{i}" for i in range(flat.shape[1])]
    numbered = dataset.kind == "sequence"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *(["run"] if numbered else []), "label"])
        for run, (values, label) in enumerate(zip(flat, dataset.y, strict=True)):
            cells = [np.format_float_positional(value, trim="-") for value in values]
            writer.writerow([*cells, *([run] if numbered else []), dataset.classes[label]])
