"""`kerasearch datasets ...`."""

from pathlib import Path
from typing import Annotated

import typer

datasets_app = typer.Typer(
    help="Datasets: upload, list, show, delete, export.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@datasets_app.command("add")
def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, Parquet, NPZ, text, or pictures: a zip or a folder, one folder a class.",
            exists=True,
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="What jobs will call it; unsaid, the file's name.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="tabular, sequence, series, text, image or ratings; unsaid, what it looks like."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Tables: the column to predict.")] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="CSV: a column that is no feature; repeatable.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="CSV: whether line 1 names the columns."),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="COLUMN=TYPE",
            help="Tables: number, category or drop, where a column looks otherwise; repeatable.",
        ),
    ] = None,
    size: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="HEIGHT WIDTH", help="Pictures: what they are resized to."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Upload a dataset; its id alone is printed on stdout."""
    from kerasearch.models.datasets.picture_folder import one_file
    from kerasearch.service.command.terminal import say, sentences_about, server, show_json

    name = name or (file.resolve().name if file.is_dir() else None)
    columns = {name: {"type": said} for name, said in map(_column_type, types or [])}
    schema = {
        "target": target,
        "drop": drop or [],
        "header": header,
        "columns": columns,
        "size": size,
    }
    with server() as client, sentences_about(file), one_file(file) as path:
        added = client.add_dataset(path, name=name, kind=kind, schema=schema)
    say(*(f"note: {warning}" for warning in added.warnings))
    if as_json:
        show_json(added)
    else:
        typer.echo(added.id)


def _column_type(said: str) -> tuple[str, str]:
    column, equals, name = said.rpartition("=")
    if not equals:
        raise typer.BadParameter(f"say COLUMN=TYPE, not {said!r}", param_hint="--type")
    return column, name


@datasets_app.command("list")
def list_(as_json: Json = False) -> None:
    """Built-in and uploaded datasets."""
    from kerasearch.service.command.tables import datasets_table
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        found = list(client.datasets())
    show(found, datasets_table(found), as_json)


@datasets_app.command("show")
def show_(name: Annotated[str, typer.Argument(help="Name or id.")], as_json: Json = False) -> None:
    """What is known of a dataset."""
    from kerasearch.service.command.tables import dataset_sheet
    from kerasearch.service.command.terminal import server, show

    with server() as client:
        found = client.dataset(name)
    show(found, dataset_sheet(found), as_json)


@datasets_app.command("delete")
def delete(name: Annotated[str, typer.Argument(help="Name or id.")]) -> None:
    """Delete an uploaded dataset that no job uses."""
    from kerasearch.service.command.terminal import say, server

    with server() as client:
        client.delete_dataset(name)
    say(f"{name} deleted")


@datasets_app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="A built-in dataset.")],
    output: Annotated[Path, typer.Option("-o", "--output", dir_okay=False, help="CSV file.")],
) -> None:
    """Write a built-in dataset as a CSV file; needs no server."""
    from kerasearch.models.datasets import export_csv, load_builtin
    from kerasearch.service.command.terminal import fail, sentences_about

    with sentences_about(None):
        dataset = load_builtin(name)
    try:
        export_csv(dataset, output)
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    typer.echo(output)
