"""Rows of an uploaded file, parsed once: arrays on disk that every trial process maps.

What maps them shares their memory, and a process that starts anew needn't parse the file again.
"""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kerasearch.models.datasets import DataChoice, Dataset
from kerasearch.service.files import room_on_disk, write_json

FOLDER = "arrays"
"""Beside the uploaded file, with which it is deleted."""


def prepared_rows(file: Path, choice: DataChoice, load: Callable[[], Dataset]) -> Dataset:
    """The dataset of `load`, mapped from arrays that the first to ask for it has written.

    A kind whose examples depend on a trial's params has no such form, and is as `load` gives it.

    Args:
        file: The uploaded one, whose content is what it should be.
        choice: What is made of it.
        load: Reads the file.

    Raises:
        Unavailable: The disk is full.
    """
    name = hashlib.sha256(choice.model_dump_json().encode()).hexdigest()[:16]
    folder = file.parent / FOLDER / name
    if (mapped := _mapped(folder)) is not None:
        return mapped
    with room_on_disk(file.parent):
        folder.parent.mkdir(exist_ok=True)
        with _locked(folder.with_suffix(".lock")):
            if (mapped := _mapped(folder)) is not None:
                return mapped
            dataset = load()
            if type(dataset) is not Dataset:
                return dataset
            _write(dataset, folder)
    return _mapped(folder) or dataset


def _write(dataset: Dataset, folder: Path) -> None:
    """Whole or not at all: what says so is written last."""
    folder.mkdir(exist_ok=True)
    np.save(folder / "x.npy", dataset.x)
    if dataset.y is not None:
        np.save(folder / "y.npy", dataset.y)
    said = {"kind": dataset.kind, "classes": dataset.classes, "features": dataset.features}
    write_json(folder / "dataset.json", {**said, "sha256": dataset.sha256()})


def _mapped(folder: Path) -> Dataset | None:
    """None where the arrays aren't there, or aren't what was written."""
    try:
        said = json.loads((folder / "dataset.json").read_text())
        sha256, classes, features = said["sha256"], said["classes"], said["features"]
        x = np.load(folder / "x.npy", mmap_mode="r")
        y = np.load(folder / "y.npy", mmap_mode="r") if (folder / "y.npy").exists() else None
    except (FileNotFoundError, ValueError, KeyError):
        return None
    dataset = Dataset(said["kind"], x, y, tuple(classes), tuple(features))
    if dataset.sha256() != sha256:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return dataset


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock of one that dies is free."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
