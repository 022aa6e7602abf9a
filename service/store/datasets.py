"""Rows of uploaded datasets."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select

from kerasearch.models.datasets import DatasetInfo
from kerasearch.service.errors import Conflict, NotFound
from kerasearch.service.store.database import now
from kerasearch.service.store.tables import datasets, jobs


@dataclass(frozen=True)
class StoredDataset:
    """An uploaded file: `filename` lies in the folder named by `id`, its content's SHA-256."""

    id: str
    name: str
    filename: str
    info: DatasetInfo = field(hash=False)  # holds dicts; equal ids mean equal content anyway


def add_dataset(tx: Connection, dataset: StoredDataset) -> None:
    """Raises Conflict: the name is another's."""
    taken = tx.execute(select(datasets.c.id).where(datasets.c.name == dataset.name)).scalar()
    if taken is not None:
        raise Conflict(f"the name {dataset.name!r} belongs to dataset {taken}; choose another")
    tx.execute(
        insert(datasets).values(
            id=dataset.id,
            name=dataset.name,
            filename=dataset.filename,
            info=dataset.info.model_dump(mode="json"),
            created_at=now(),
        )
    )


def find_dataset(tx: Connection, id_or_name: str) -> StoredDataset | None:
    """An id goes before a name that looks like it."""
    same_id = datasets.c.id == id_or_name
    either = select(datasets).where(or_(same_id, datasets.c.name == id_or_name))
    row = tx.execute(either.order_by(same_id.desc()).limit(1)).one_or_none()
    return None if row is None else _stored(row)


def list_datasets(tx: Connection) -> list[StoredDataset]:
    found = tx.execute(select(datasets).order_by(datasets.c.created_at.desc()))
    return [_stored(row) for row in found]


def remove_dataset(tx: Connection, id_or_name: str) -> StoredDataset:
    """Raises NotFound, and Conflict when a job uses it."""
    dataset = find_dataset(tx, id_or_name)
    if dataset is None:
        raise NotFound(f"no uploaded dataset {id_or_name!r}")
    user = tx.execute(select(jobs.c.id).where(jobs.c.dataset_id == dataset.id)).scalars().first()
    if user is not None:
        raise Conflict(f"dataset {dataset.name!r} is in use by job {user}; delete its jobs first")
    tx.execute(delete(datasets).where(datasets.c.id == dataset.id))
    return dataset


def _stored(row: Row[Any]) -> StoredDataset:
    return StoredDataset(
        id=row.id, name=row.name, filename=row.filename, info=DatasetInfo.model_validate(row.info)
    )
