from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.datasets import (
    BUILTIN,
    DataChoice,
    Schema,
    export_csv,
    inspect_file,
    load_builtin,
    load_file,
)

TABLES = [
    name
    for name, one in BUILTIN.items()
    if one.kind in ("tabular", "sequence")
    and not one.target_shape
    and list(one.classes) == sorted(one.classes)  # as a file that is sent has them
]


@pytest.mark.parametrize("name", TABLES)
def test_an_exported_dataset_sent_again_is_itself(tmp_path: Path, name: str) -> None:
    dataset = load_builtin(name)
    path = tmp_path / f"{name}.csv"

    export_csv(dataset, path)

    drop = ("run",) if dataset.kind == "sequence" else ()
    schema = Schema(target="label" if dataset.classes else "y", drop=drop)
    info = inspect_file(path, path.name, dataset.kind, schema)
    again = load_file(path, info, DataChoice())
    assert info.warnings == ()
    assert again.sha256() == dataset.sha256()


def test_epidemic_curves_are_exported_as_people_have_them(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"

    export_csv(load_builtin("epidemic-curves"), path)

    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    assert len(rows) == 6400
    assert len(header) == 63
    assert header[60:] == ["day_60", "run", "label"]
    assert all(cell.isdigit() for row in rows for cell in row[:62])


def test_images_are_exported_pixel_by_pixel(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    digits = load_builtin("digits")

    export_csv(digits, path)

    info = inspect_file(path, path.name, "tabular", Schema(target="label"))
    again = load_file(path, info, DataChoice())
    assert np.array_equal(again.x, digits.x.reshape(-1, 64))
    assert np.array_equal(again.y, digits.y)
