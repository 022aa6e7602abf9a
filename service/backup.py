"""All that a service keeps in one file: made while it runs, put back where none is."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kerasearch.service.errors import Conflict
from kerasearch.service.files import written_whole
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import copy_sqlite

DATABASE = "kerasearch.db"
DATABASES = (DATABASE, "mlflow/mlflow.db")
FOLDERS = ("datasets", "jobs", "mlflow")


def back_up(settings: Settings, file: Path) -> None:
    """Write a tar file of the data folder, which a service may be using.

    The databases come first: what they tell of is there by then, since a file is written before
    the row that names it, and never changed. MLflow's is the later one: it may show more than the
    service then remembers, which the mirror finds again.

    Raises:
        Conflict: There is nothing to back up, or the database is on PostgreSQL.
        Unavailable: The disk is full.
    """
    _require_sqlite(settings)
    data_dir = settings.data_dir
    if not (data_dir / DATABASE).is_file():
        raise Conflict(f"{data_dir} holds no {DATABASE}: say --data-dir DIR, the folder served")
    with (
        written_whole(file) as temporary,
        tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder,
        tarfile.open(temporary, "w") as tar,
    ):
        for name in DATABASES:
            if (data_dir / name).is_file():
                copy = Path(folder, "copy.db")
                copy.unlink(missing_ok=True)
                copy_sqlite(data_dir / name, copy)
                tar.add(copy, name)
        for path in _files(data_dir):
            with suppress(FileNotFoundError):  # of a job that is being deleted
                tar.add(path, str(path.relative_to(data_dir)), recursive=False)


def restore(file: Path, settings: Settings) -> None:
    """Make a data folder of what `back_up` wrote.

    Raises:
        Conflict: The folder is there already, the file is no backup, or it would go unread, since
            the database is on PostgreSQL.
    """
    _require_sqlite(settings)
    data_dir = settings.data_dir
    if data_dir.exists():
        raise Conflict(f"{data_dir} is there already: move it away, or give another --data-dir")
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir.parent, prefix=".restore-") as folder:
        whole = Path(folder, "data")
        try:
            with tarfile.open(file) as tar:
                tar.extractall(whole, filter="data")  # nothing lands outside of the folder
        except (tarfile.TarError, EOFError) as error:
            reason = str(error).partition("\n")[0].rstrip(":")  # then one of each compression
            raise Conflict(f"{file} is no backup, or not all of one: {reason}") from None
        if not (whole / DATABASE).is_file():
            raise Conflict(f"{file} is no backup: it holds no {DATABASE}")
        whole.replace(data_dir)


def _require_sqlite(settings: Settings) -> None:
    if not settings.database_url.startswith("sqlite"):
        raise Conflict(
            "the database is on PostgreSQL (KERASEARCH_DATABASE_URL), which isn't in the data "
            f"folder: back it up with pg_dump, and then copy {settings.data_dir}; put both back, "
            "the database with pg_restore"
        )


def _files(data_dir: Path) -> Iterator[Path]:
    """Those that are whole, databases left out."""
    for folder in FOLDERS:
        for path in sorted((data_dir / folder).rglob("*")):
            hidden = path.name.startswith(".")
            if path.is_file() and not hidden and ".db" not in path.suffix:
                yield path
