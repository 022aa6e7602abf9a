"""`kerasearch predict`: what a downloaded model says of raw rows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

predict_app = typer.Typer()


@predict_app.command()
def predict(
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .keras file.")],
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="Rows: CSV, Parquet, NPZ, text; PNG or JPEG, a folder or a zip of them.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", dir_okay=False, help="Else standard output.")
    ] = None,
    codes: Annotated[
        bool, typer.Option("--codes", help="What the model squeezes each row into, instead.")
    ] = False,
) -> None:
    """Predict for rows as they were before any preparation, as CSV. Needs no server."""
    arguments = [str(model), str(file), *(["-o", str(output)] if output else [])]
    arguments += ["--codes"] if codes else []
    command = [sys.executable, "-m", "kerasearch.models.prediction", *arguments]
    # Of TensorFlow errors alone: its notes on this machine's CPU are nobody's question here.
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(command, env=quiet, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or ["it ended without a word"]
        typer.echo(lines[-1], err=True)
        raise typer.Exit(1)
    if output:
        typer.echo(output)
