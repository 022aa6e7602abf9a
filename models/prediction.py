"""What a saved model says of raw rows in a file; also a command of its own: see `main`.

`kerasearch predict` runs it as another process, since the command itself never imports keras.
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.continuation import continued, next_steps
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.csv_file import scan_table
from kerasearch.models.datasets.csv_rows import Row, detect_delimiter, read_rows
from kerasearch.models.datasets.encoding import Encoding, TableColumn
from kerasearch.models.datasets.info import Schema
from kerasearch.models.datasets.named_pictures import are_pictures, picture_batches
from kerasearch.models.datasets.padding import PADDING, real_steps
from kerasearch.models.datasets.parquet_file import read_parquet
from kerasearch.models.datasets.series_file import check_order
from kerasearch.models.datasets.whole_file import whole_file
from kerasearch.models.evaluation import predict
from kerasearch.models.model_file import OWN_LAYERS, has_own_layers, read_description
from kerasearch.models.rating_predictions import predicted_ratings, rating_codes
from kerasearch.searchspaces.problems import InvalidInput, unknown

if TYPE_CHECKING:
    import keras

Line = Sequence[object]

BATCH_ROWS = 4096
CHARACTERS = 200
"""Of a text's continuation."""


def predictions(model_path: Path, file: Path, *, codes: bool = False) -> Iterator[Line]:
    """A line of names, then one for each row of the file.

    Args:
        model_path: A `.keras` file that Kerasearch saved.
        file: Rows as those that the model was trained on, with or without the target: CSV, Parquet
            or NPZ; pictures, also a folder or a zip of them, each named in its line; of a series
            its newest steps, of a text how it begins; of ratings what is known and, with no
            rating, what is to be told.
        codes: Of the rows, in place of predictions.

    Raises:
        InvalidInput: The file doesn't hold what the model takes, or the model makes no codes.
    """
    description = read_description(model_path)
    if not description:
        raise InvalidInput.at("", f"{model_path} doesn't say which rows it takes")
    kind, shape = description["rows"]["kind"], description["input_shape"]
    if are_pictures(file) and (kind != "image" or shape[-1] not in (1, 3)):
        raise InvalidInput.at("", f"{file}: the model takes {kind} data, each {shape}, no pictures")
    if has_own_layers(model_path):
        import_module(OWN_LAYERS)
    import keras

    model = keras.saving.load_model(model_path, compile=False)
    if codes:
        yield from _row_codes(model, description, file)
        return
    match kind:
        case "series":
            yield from _forecast(model, description["rows"], file)
        case "text":
            text = file.read_text(encoding="utf-8").rstrip("\n")
            yield ["continuation"]
            yield [continued(model, description["rows"], text, CHARACTERS)]
        case "ratings":
            yield ["user", "item", "predicted"]
            yield from predicted_ratings(model, description["rows"], file)
        case _:
            yield from _told(
                description,
                file,
                _names(description),
                lambda rows: _lines(description, rows, predict(model, rows)),
            )


def _told(
    description: dict[str, Any],
    file: Path,
    names: Line,
    tell: Callable[[Features], Iterable[Line]],
) -> Iterator[Line]:
    """`names`, then what is told of each row; before it stands the name of a picture."""
    if not are_pictures(file):
        yield names
        for x in _batches(description, file):
            yield from tell(x)
        return
    yield ["picture", *names]
    for pictures, x in picture_batches(file, tuple(description["input_shape"])):
        for picture, line in zip(pictures, tell(x), strict=True):
            yield [picture, *line]


def _row_codes(model: "keras.Model", description: dict[str, Any], file: Path) -> Iterator[Line]:
    from kerasearch.models.codes import code_names, encoder_of  # which bring keras

    if (encoder := encoder_of(model)) is None:
        raise InvalidInput.at(
            "",
            "the model makes no codes: autoencoder, collaborative_autoencoder, dbn, rbm and som do",
        )
    names, rows = code_names(encoder), description["rows"]
    if rows["kind"] == "ratings":
        yield [rows["side"], *names]
        yield from rating_codes(encoder, rows, file)
        return
    yield from _told(description, file, names, lambda x: predict(encoder, x).tolist())


def _forecast(model: "keras.Model", rows: dict[str, Any], file: Path) -> Iterator[Line]:
    columns = [TableColumn(name=name) for name in rows["features"]]
    series = _without_gaps(np.concatenate(list(_coded(columns, file))), rows["kind"])
    if file.suffix.lower() != ".parquet" and len(series) > 1:
        dropped = rows.get("dropped", ())  # unsaid by models of earlier versions
        check_order(file, scan_table(file, Schema(), least=1), dropped)
    yield ["step", rows["features"][0]]
    for step, value in enumerate(next_steps(model, rows, series), start=1):
        yield [step, value]


def _batches(description: dict[str, Any], file: Path) -> Iterator[Features]:
    """The file's rows as the model takes them, some at a time."""
    rows, shape = description["rows"], tuple(description["input_shape"])
    if file.suffix.lower() == ".npz":
        with np.load(file) as archive:
            if "x" not in archive:
                raise InvalidInput.at("", f"{file} holds no array x: save the rows as that")
            x = _same_size(archive["x"].astype(np.float32), shape)
            if "lengths" in archive:
                x[np.arange(shape[0]) >= archive["lengths"][:, np.newaxis]] = PADDING
        for start in range(0, len(x), BATCH_ROWS):
            yield _without_gaps(x[start : start + BATCH_ROWS], rows["kind"])
    elif (encoding := rows.get("encoding")) is not None:
        fitted = Encoding.model_validate(encoding)
        columns = [TableColumn(name=c.name, values=c.values) for c in fitted.columns]
        yield from map(fitted.matrix, _coded(columns, file))
    elif not rows["features"]:
        pictures = "pictures, a folder or a zip of them, or " if rows["kind"] == "image" else ""
        sides = ", ".join(map(str, ("n", *shape)))
        raise InvalidInput.at(
            "", f"the model takes {pictures}an NPZ file with x of shape ({sides})"
        )
    else:
        for x in _coded([TableColumn(name=name) for name in rows["features"]], file):
            yield _same_size(_without_gaps(x, rows["kind"]), shape)


def _without_gaps(x: Features, kind: str) -> Features:
    """Of sequences gaps are steps after the end."""
    if kind != "sequence" and np.isnan(x).any():
        raise InvalidInput.at("", "a row has no value in some column; fill it in")
    return np.where(np.isnan(x), np.float32(PADDING), x)


def _same_size(x: Features, shape: tuple[int, ...]) -> Features:
    if np.prod(x.shape[1:]) != np.prod(shape):
        raise InvalidInput.at("", f"the model takes rows of shape {shape}, not {x.shape[1:]}")
    return x.reshape(-1, *shape)


def _coded(columns: Sequence[TableColumn], file: Path) -> Iterator[Features]:
    """The columns that a model was trained on, from a table that may have others too."""
    with closing(_table(file, [column.name for column in columns])) as rows:
        names = next(rows).cells
        missing = [column.name for column in columns if column.name not in names]
        if missing:
            raise InvalidInput.at("", unknown("column", missing[0], names))
        places = [names.index(column.name) for column in columns]
        while batch := list(islice(rows, BATCH_ROWS)):
            yield np.array([_codes(columns, places, row) for row in batch], np.float32)


def _codes(columns: Sequence[TableColumn], places: Sequence[int], row: Row) -> list[float]:
    try:
        return [c.code(row.cells[place]) for c, place in zip(columns, places, strict=True)]
    except ValueError as error:
        raise InvalidInput.at("", f"line {row.line}: {error}") from None


def _table(file: Path, wanted: Iterable[str]) -> Generator[Row, None, None]:
    """A table's names, then its rows."""
    if file.suffix.lower() == ".parquet":
        yield from read_parquet(file)
        return
    with closing(read_rows(file, detect_delimiter(file))) as rows:
        first = next(rows)
        places = [f"column_{place}" for place in range(1, len(first.cells) + 1)]
        if not set(wanted) & set(first.cells) and set(wanted) & set(places):
            # Trained on a file whose first line was data, where columns are named by their place.
            yield Row(0, places)
        yield first
        yield from rows


def _names(description: dict[str, Any]) -> Line:
    match description["task"]:
        case "classification":
            return ["predicted", *(f"p({name})" for name in description["classes"])]
        case "reconstruction":
            return ["error"]
        case "mapping":
            from kerasearch.models.som_cells import CELL  # which brings keras

            return CELL
        case "regression" if description["output_shape"] != [1]:
            return [f"predicted_{i + 1}" for i in range(np.prod(description["output_shape"]))]
    return ["predicted"]


def _lines(
    description: dict[str, Any], rows: Features, outputs: NDArray[np.float32]
) -> Iterator[Line]:
    match description["task"]:
        case "classification":
            for probabilities in outputs:
                yield [description["classes"][probabilities.argmax()], *probabilities]
        case "step_labelling":
            real = real_steps(rows)
            for steps, is_real in zip(outputs.argmax(axis=-1), real, strict=True):
                yield [" ".join(description["classes"][step] for step in steps[is_real])]
        case "reconstruction":
            units = np.asarray(description["target_units"] or [1.0])
            errors = np.where(rows == PADDING, 0, (outputs - rows) / units)
            for row in np.square(errors).reshape(len(rows), -1).mean(axis=1):
                yield [row]
        case _:
            yield from outputs.reshape(len(outputs), -1).tolist()


def _write(lines: Iterator[Line], output: Path | None) -> None:
    """As CSV; nothing before the first row is told, and a file whole or not at all."""
    lines = chain(list(islice(lines, 2)), lines)
    if output is None:
        csv.writer(sys.stdout).writerows(lines)
    elif output.exists() and not output.is_file():  # a pipe, or /dev/null
        with output.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(lines)
    else:
        with (
            whole_file(output.resolve()) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as out,
        ):
            csv.writer(out).writerows(lines)


def main() -> None:
    """`python -m kerasearch.models.prediction MODEL FILE [--codes] [-o OUT]`: it as CSV."""
    parser = argparse.ArgumentParser(prog="predict")
    parser.add_argument("model", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--codes", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    lines = predictions(asked.model, asked.file, codes=asked.codes)
    try:
        _write(lines, asked.output)
    except BrokenPipeError:
        os._exit(0)  # whoever reads has had enough; Python would complain once more at its end
    except InvalidInput as error:
        sys.exit("; ".join(problem.detail for problem in error.problems))
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
