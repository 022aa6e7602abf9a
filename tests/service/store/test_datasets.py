"""Uploaded datasets are found by id and by name, and stay while a job uses them."""

import time

import pytest

from kerasearch.models.datasets import DatasetInfo
from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store import datasets, jobs
from kerasearch.service.store.database import Database
from kerasearch.service.store.datasets import StoredDataset

INFO = DatasetInfo(
    format="csv", kind="tabular", rows=4, shape=(2,), target="y", class_counts={"b": 3, "a": 1}
)


def _dataset(dataset_id: str, name: str) -> StoredDataset:
    return StoredDataset(dataset_id, name, "data.csv", INFO)


def test_a_dataset_is_found_by_id_and_by_name_as_it_was_stored(database: Database) -> None:
    stored = _dataset("1f", "curves")
    with database.write() as tx:
        datasets.add_dataset(tx, stored)
        by_id, by_name = datasets.find_dataset(tx, "1f"), datasets.find_dataset(tx, "curves")
        assert datasets.find_dataset(tx, "nothing") is None
    assert by_id == by_name == stored
    assert by_id is not None
    assert by_id.info.classes == ("b", "a"), "the order of classes is that of their indices"


def test_an_id_goes_before_a_name_that_looks_like_it(database: Database) -> None:
    with database.write() as tx:
        datasets.add_dataset(tx, _dataset("2e", "1f"))
        datasets.add_dataset(tx, _dataset("1f", "curves"))
        found = datasets.find_dataset(tx, "1f")
    assert found is not None
    assert found.name == "curves"


def test_a_name_belongs_to_one_dataset(database: Database) -> None:
    with database.write() as tx:
        datasets.add_dataset(tx, _dataset("1f", "curves"))
        with pytest.raises(Conflict, match="the name 'curves' belongs to dataset 1f"):
            datasets.add_dataset(tx, _dataset("2e", "curves"))


def test_the_newest_is_listed_first(database: Database) -> None:
    for name in ("first", "second"):
        with database.write() as tx:
            datasets.add_dataset(tx, _dataset(name, name))
        time.sleep(0.002)  # the database's clock counts milliseconds
    with database.read() as tx:
        assert [one.name for one in datasets.list_datasets(tx)] == ["second", "first"]


def test_one_that_a_job_uses_is_not_removed(database: Database) -> None:
    request = JobRequest.model_validate({"name": "n", "model": "mlp", "data": {"dataset": "1f"}})
    with database.write() as tx:
        datasets.add_dataset(tx, _dataset("1f", "curves"))
        datasets.add_dataset(tx, _dataset("2e", "unused"))
        job_id, _ = jobs.accept_job(tx, request, "1f", None, b"")
        with pytest.raises(Conflict, match=f"'curves' is in use by job {job_id}"):
            datasets.remove_dataset(tx, "curves")
        assert datasets.remove_dataset(tx, "unused").id == "2e"
        assert datasets.find_dataset(tx, "unused") is None
        with pytest.raises(NotFound, match="no uploaded dataset 'unused'"):
            datasets.remove_dataset(tx, "unused")


def test_a_dataset_can_be_a_key_of_a_cache() -> None:
    assert hash(_dataset("1f", "curves")) == hash(_dataset("1f", "curves"))
