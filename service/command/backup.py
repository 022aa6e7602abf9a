"""`kerasearch backup` and `restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

backup_app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A tar file.")]
DataDir = Annotated[
    Path,
    typer.Option(help="What `serve` keeps its data in.", envvar="KERASEARCH_DATA_DIR"),
]
DEFAULT = Path("kerasearch-data")


@backup_app.command()
def backup(file: File, data_dir: DataDir = DEFAULT) -> None:
    """Copy all data to one file; the service may go on meanwhile."""
    from kerasearch.service.backup import back_up
    from kerasearch.service.command.settings import read_settings

    with _refusals():
        back_up(read_settings(data_dir=data_dir), file)
    typer.echo(f"{file}: {file.stat().st_size / 2**20:.1f} MiB of {data_dir}")


@backup_app.command()
def restore(file: File, data_dir: DataDir = DEFAULT) -> None:
    """Make a new data folder of a backup."""
    from kerasearch.service import backup
    from kerasearch.service.command.settings import read_settings

    with _refusals():
        backup.restore(file, read_settings(data_dir=data_dir))
    typer.echo(f"serve it: kerasearch serve --data-dir {data_dir}")


@contextmanager
def _refusals() -> Iterator[None]:
    from kerasearch.service.command.terminal import fail
    from kerasearch.service.errors import KerasearchError

    try:
        yield
    except (KerasearchError, OSError) as error:
        fail(str(error))
