"""Uploaded files on disk, and the datasets they or the built-in ones give to a trial process."""

from functools import lru_cache
from pathlib import Path

from kerasearch.models.datasets import DataChoice, Dataset, find_builtin, load_builtin, load_file
from kerasearch.service.errors import DatasetUnusable
from kerasearch.service.files import sha256_of
from kerasearch.service.jobs import DataRequest
from kerasearch.service.prepared_rows import prepared_rows
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.store.datasets import StoredDataset, find_dataset


def file_of(settings: Settings, dataset: StoredDataset) -> Path:
    return settings.datasets_dir / dataset.id / dataset.filename


def open_dataset(
    database: Database, settings: Settings, dataset_id: str, data: DataRequest
) -> Dataset:
    """The rows that a job searches on; the last one is kept, since a process stays with its job.

    Raises:
        DatasetUnusable: The file is gone, or its content isn't what was uploaded.
    """
    if (builtin := find_builtin(dataset_id)) is not None:
        return _load_builtin(builtin.name).chosen(data)
    with database.read() as tx:
        stored = find_dataset(tx, dataset_id)
    if stored is None:
        raise DatasetUnusable(f"dataset {dataset_id} is gone")
    said = {name: getattr(data, name) for name in DataChoice.model_fields}
    choice = DataChoice(**{**said, "task": data.trained_for})
    return _load_upload(stored, file_of(settings, stored), choice)


@lru_cache(maxsize=1)
def _load_builtin(name: str) -> Dataset:
    return load_builtin(name)


@lru_cache(maxsize=1)
def _load_upload(stored: StoredDataset, path: Path, choice: DataChoice) -> Dataset:
    try:
        found = sha256_of(path)
    except FileNotFoundError:
        raise DatasetUnusable(f"the file of dataset {stored.name!r} is gone") from None
    if found != stored.id:
        raise DatasetUnusable(
            f"the file of dataset {stored.name!r} isn't what was uploaded: its SHA-256 is "
            f"{found[:12]}... and should be {stored.id[:12]}...; delete it and upload it again"
        )
    return prepared_rows(path, choice, lambda: load_file(path, stored.info, choice))
