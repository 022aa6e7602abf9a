"""Datasets: upload, list, remove."""

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kerasearch.models.datasets import (
    BUILTIN,
    BuiltinDataset,
    DatasetInfo,
    Kind,
    Schema,
    find_builtin,
    inspect_file,
)
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.searchspaces.values import shown
from kerasearch.service.errors import Conflict, NotFound, Unavailable
from kerasearch.service.files import room_on_disk
from kerasearch.service.routes.context import Context, Ctx
from kerasearch.service.store import datasets as store
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.validation_problems import problems_of

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
COPY_BYTES = 2**20


class ShownDataset(BaseModel):
    """A dataset as HTTP shows it.

    Attributes:
        id: SHA-256 of all content.
        shapes: Of `x` and `y`; those of a table are settled by a target, which a job may name.
        target: As declared, or as the kind of data has it.
        drop: Columns that are declared to be no features.
        types: What each column of a table is taken for, as declared or guessed.
    """

    id: str
    name: str
    kind: str
    builtin: bool
    rows: int
    shapes: dict[str, list[int]]
    classes: list[str] | None
    columns: list[str] | None
    target: str | None
    drop: list[str]
    types: dict[str, str] | None
    description: str | None
    warnings: list[str]


class Datasets(BaseModel):
    items: list[ShownDataset]
    next: None = None


class Upload(BaseModel):
    """A form with a file in it.

    Attributes:
        name: What jobs call it; else the file's name without its ending.
        kind: Else tabular for CSV, by the dimensions of `x` for NPZ.
        said: JSON of target, drop and header, for CSV.
    """

    model_config = ConfigDict(extra="forbid")

    file: UploadFile
    name: str | None = None
    kind: Kind | None = None
    said: str | None = Field(None, alias="schema")  # BaseModel has a `schema` of its own

    @field_validator("file", mode="before")
    @classmethod
    def _is_content(cls, file: object) -> object:
        if isinstance(file, str):
            raise ValueError("must be a file and not a text: with curl, -F file=@NAME")  # noqa: TRY004
        return file


@router.post("", status_code=201)
def upload(ctx: Ctx, response: Response, form: Annotated[Upload, File()]) -> ShownDataset:
    """Store a CSV or NPZ file once its content has been looked through."""
    filename = form.file.filename or ""
    name = form.name or PurePath(filename).stem
    if not NAME.fullmatch(name) or name in BUILTIN:
        detail = (
            "a name is letters, digits, '.', '_' and '-', at most 100, and not that of a "
            f"built-in dataset, so not {shown(name)}"
        )
        if not form.name:
            detail = f"say one, since the file's is none: {detail}"
        raise InvalidInput.at("/name", detail)
    schema = _schema(form.said)
    ctx.settings.datasets_dir.mkdir(parents=True, exist_ok=True)
    with (
        room_on_disk(ctx.settings.data_dir),
        tempfile.TemporaryDirectory(dir=ctx.settings.data_dir, prefix=".upload-") as folder,
    ):
        path = Path(folder, "content")
        digest = _receive(form.file, path)
        info = inspect_file(path, filename, form.kind, schema)
        dataset = StoredDataset(digest, name, f"data.{info.format}", info)
        new = _store(ctx, dataset, path)
    if not new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/datasets/{name}"
    return _shown(dataset)


@router.get("")
def datasets(ctx: Ctx) -> Datasets:
    """Built-in ones first, then the newest."""
    with ctx.database.read() as tx:
        uploaded = store.list_datasets(tx)
    return Datasets(items=[*map(_builtin, BUILTIN.values()), *map(_shown, uploaded)])


@router.get("/{id_or_name}")
def dataset(id_or_name: str, ctx: Ctx) -> ShownDataset:
    if (builtin := find_builtin(id_or_name)) is not None:
        return _builtin(builtin)
    with ctx.database.read() as tx:
        found = store.find_dataset(tx, id_or_name)
        names = [one.name for one in store.list_datasets(tx)]
    if found is None:
        raise NotFound(unknown("dataset", id_or_name, [*BUILTIN, *names]))
    return _shown(found)


@router.delete("/{id_or_name}", status_code=204)
def remove(id_or_name: str, ctx: Ctx) -> None:
    if (builtin := find_builtin(id_or_name)) is not None:
        raise Conflict(f"{builtin.name!r} is built in and can't be removed")
    with ctx.database.write() as tx:
        removed = store.remove_dataset(tx, id_or_name)
    with suppress(Unavailable), ctx.database.write() as tx:  # in which nobody uploads it again
        if store.find_dataset(tx, removed.id) is None:
            shutil.rmtree(ctx.settings.datasets_dir / removed.id, ignore_errors=True)


def _schema(text: str | None) -> Schema:
    try:
        return Schema() if text is None else Schema.model_validate_json(text)
    except ValidationError as error:
        raise InvalidInput(problems_of(error.errors(), Schema)).under("/schema") from None


def _receive(file: UploadFile, path: Path) -> str:
    """Write the upload to `path`, durably; the SHA-256 of its content."""
    digest = hashlib.sha256()
    with path.open("wb") as target:
        while chunk := file.file.read(COPY_BYTES):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _store(ctx: Context, dataset: StoredDataset, content: Path) -> bool:
    """Keep file and row; False when both are there already. Raises Conflict."""
    with ctx.database.write() as tx:
        stored = store.find_dataset(tx, dataset.id)
        if stored == dataset:
            return False
        if stored is not None:
            raise Conflict(
                f"this file is stored already, as {stored.name!r} of kind {stored.info.kind}; "
                "use that, or delete it first"
            )
        store.add_dataset(tx, dataset)
        final = ctx.settings.datasets_dir / dataset.id
        shutil.rmtree(final, ignore_errors=True)  # left by a crash between rename and commit
        final.mkdir()
        content.replace(final / dataset.filename)
    return True


def _shown(dataset: StoredDataset) -> ShownDataset:
    return _show(dataset.id, dataset.name, dataset.info, None)


def _builtin(builtin: BuiltinDataset) -> ShownDataset:
    return _show(builtin.sha256, builtin.name, builtin.info, builtin.description)


def _show(dataset_id: str, name: str, info: DatasetInfo, description: str | None) -> ShownDataset:
    shapes = {}
    if info.shape is not None:
        shapes["x"] = [info.rows, *info.shape]
    if info.target is not None:
        shapes["y"] = [info.rows, *info.target_shape]
    return ShownDataset(
        id=dataset_id,
        name=name,
        kind=info.kind,
        builtin=info.format == "builtin",
        rows=info.rows,
        shapes=shapes,
        classes=None if info.classes is None else list(info.classes),
        columns=None if info.columns is None else [column.name for column in info.columns],
        target=info.target,
        drop=list(info.drop),
        types=None if info.columns is None else {c.name: c.holds for c in info.columns},
        description=description,
        warnings=list(info.warnings),
    )
