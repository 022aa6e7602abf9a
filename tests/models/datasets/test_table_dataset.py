from dataclasses import replace
from pathlib import Path

import numpy as np

from kerasearch.models.datasets import DataChoice, Dataset, Schema, inspect_file, load_file
from kerasearch.models.datasets.table_dataset import TableDataset
from kerasearch.models.training_data import training_data

PEOPLE = "age,town,left\n" + "".join(
    f"{'' if i == 7 else 20 + i},{('Thun', 'Bern', 'Chur')[i % 3]},{i % 2}\n" for i in range(30)
)


def people(tmp_path: Path, **choice: object) -> Dataset:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    info = inspect_file(path, path.name, None, Schema(target="left"))
    return load_file(path, info, DataChoice.model_validate(choice))


def test_a_raw_table_holds_gaps_and_the_indices_of_values(tmp_path: Path) -> None:
    table = people(tmp_path)
    assert isinstance(table, TableDataset)
    assert [column.values for column in table.columns] == [None, ("Bern", "Chur", "Thun")]
    assert table.x[:3].tolist() == [[20, 2], [21, 0], [22, 1]]
    assert np.isnan(table.x[7, 0])
    assert table.features == ("age", "town")


def test_the_encoding_is_fitted_on_train_alone(tmp_path: Path) -> None:
    table = people(tmp_path)
    train = np.array([0, 1, 3, 4, 6])  # no Chur
    prepared = table.prepared(train, "classification", {})
    examples = prepared.examples(np.array([2, 7]))
    assert examples.x.tolist() == [[22, 0, 0], [23, 1, 0]]
    assert examples.y.tolist() == [0, 1]
    assert prepared.description["features"] == ["age", "town=Bern", "town=Thun"]


def test_what_is_0_or_1_is_not_scaled(tmp_path: Path) -> None:
    rows = np.arange(30)
    data = training_data(
        people(tmp_path), rows[:20], rows[20:], task="classification", scale="standard", params={}
    )
    assert data.shape.input_shape == (4,)
    assert data.shape.scaling.offset[1:].tolist() == [0, 0, 0]
    assert data.shape.scaling.scale[1:].tolist() == [1, 1, 1]
    assert data.shape.scaling.offset[0] == np.mean(data.train.x[:, 0])


def test_the_digest_tells_how_the_table_is_to_be_encoded(tmp_path: Path) -> None:
    table = people(tmp_path)
    assert isinstance(table, TableDataset)
    others = [people(tmp_path, categories="ordinal"), people(tmp_path, missing="indicate")]
    others.append(replace(table, columns=table.columns[::-1]))
    assert len({one.sha256() for one in (table, *others)}) == 4
