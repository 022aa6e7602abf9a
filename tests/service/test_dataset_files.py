"""A trial process gets the rows that the job was accepted for, or none."""

from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.datasets import BUILTIN, Schema, inspect_file
from kerasearch.service import dataset_files
from kerasearch.service.dataset_files import file_of, open_dataset
from kerasearch.service.errors import DatasetUnusable
from kerasearch.service.files import sha256_of
from kerasearch.service.jobs import DataRequest
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.store.datasets import StoredDataset, add_dataset

ROWS = "height,weight,kind\n" + "".join(f"{n},{n * 2},{'ab'[n % 2]}\n" for n in range(20))


@pytest.fixture
def stored(database: Database, settings: Settings, tmp_path: Path) -> StoredDataset:
    """An uploaded CSV file."""
    upload = tmp_path / "upload.csv"
    upload.write_text(ROWS)
    info = inspect_file(upload, "upload.csv", None, Schema(target="kind"))
    stored = StoredDataset(sha256_of(upload), "animals", "data.csv", info)
    file_of(settings, stored).parent.mkdir(parents=True)
    upload.rename(file_of(settings, stored))
    with database.write() as tx:
        add_dataset(tx, stored)
    return stored


def test_an_uploaded_file_gives_its_rows_and_is_read_once(
    database: Database, settings: Settings, stored: StoredDataset
) -> None:
    data = DataRequest(dataset="animals", drop=("weight",))
    dataset = open_dataset(database, settings, stored.id, data)
    assert dataset.features == ("height",)
    assert set(dataset.classes) == {"a", "b"}
    np.testing.assert_array_equal(dataset.x[:, 0], np.arange(20))
    assert open_dataset(database, settings, stored.id, data) is dataset
    every = open_dataset(database, settings, stored.id, DataRequest(dataset="animals"))
    assert every.features == ("height", "weight")


def test_another_process_maps_the_rows_that_the_first_one_parsed(
    database: Database, settings: Settings, stored: StoredDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataRequest(dataset="animals")
    first = open_dataset(database, settings, stored.id, data)
    assert isinstance(first.x, np.memmap)
    dataset_files._load_upload.cache_clear()
    monkeypatch.delattr(dataset_files, "load_file")
    second = open_dataset(database, settings, stored.id, data)
    assert second is not first
    assert second.sha256() == first.sha256()
    assert second.classes == ("a", "b")


@pytest.mark.parametrize("what", ["altered", "gone"])
def test_arrays_that_are_not_what_was_written_are_made_anew(
    what: str, database: Database, settings: Settings, stored: StoredDataset
) -> None:
    data = DataRequest(dataset="animals")
    digest = open_dataset(database, settings, stored.id, data).sha256()
    (array,) = file_of(settings, stored).parent.rglob("x.npy")
    dataset_files._load_upload.cache_clear()
    if what == "gone":
        array.unlink()
    else:
        np.save(array, np.zeros((20, 2), np.float32))
    assert open_dataset(database, settings, stored.id, data).sha256() == digest


def test_a_file_that_was_changed_since_is_refused(
    database: Database, settings: Settings, stored: StoredDataset
) -> None:
    with file_of(settings, stored).open("a") as file:
        file.write("1,2,a\n")
    with pytest.raises(DatasetUnusable, match="'animals' isn't what was uploaded"):
        open_dataset(database, settings, stored.id, DataRequest(dataset="animals"))


def test_a_file_that_is_gone_is_named(
    database: Database, settings: Settings, stored: StoredDataset
) -> None:
    file_of(settings, stored).unlink()
    with pytest.raises(DatasetUnusable, match="the file of dataset 'animals' is gone"):
        open_dataset(database, settings, stored.id, DataRequest(dataset="animals"))


def test_a_dataset_that_is_gone_is_named(database: Database, settings: Settings) -> None:
    with pytest.raises(DatasetUnusable, match="dataset 1f is gone"):
        open_dataset(database, settings, "1f", DataRequest(dataset="animals"))


def test_a_built_in_dataset_is_found_by_its_digest(database: Database, settings: Settings) -> None:
    builtin = BUILTIN["breast-cancer"]
    dataset = open_dataset(database, settings, builtin.sha256, DataRequest(dataset="breast-cancer"))
    assert dataset.classes == builtin.classes
