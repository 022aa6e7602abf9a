"""What a trial and a repeat leave on disk of how their models did."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasearch.models.class_evaluation import class_errors
from kerasearch.models.codes import code_names, encoder_of
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.arrays import Rows
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.evaluation import Evaluation, predict
from kerasearch.models.pictures import draw_table
from kerasearch.models.quick_pictures import draw_curves
from kerasearch.models.tasks import OF_ROWS_ALONE, TaskName
from kerasearch.models.training import TrainedModel
from kerasearch.service.files import write_csv, write_json, written_whole

if TYPE_CHECKING:
    import keras


def leave_tables(folder: Path, evaluation: Evaluation) -> None:
    """A JSON file for each of an evaluation's tables; the mirror draws them."""
    for name, table in evaluation.tables.items():
        write_json(folder / f"{name}.json", table)


def leave_pictures(folder: Path, number: int, trained: TrainedModel, test: Evaluation) -> None:
    """A repeat's learning curves, and its tables as pictures; the confusion matrix as CSV too."""
    for name, table in test.tables.items():
        with written_whole(folder / f"{name}_{number}.png") as temporary:
            draw_table(name, table, temporary)
    with written_whole(folder / f"curves_{number}.png") as temporary:
        draw_curves(trained.curves, trained.best_epoch, temporary)
    if (confusion := test.tables.get("confusion_matrix")) is not None:
        classes, counts = confusion["classes"], np.asarray(confusion["counts"])
        rows = [["true \\ predicted", *classes]]
        rows += [[name, *map(str, row)] for name, row in zip(classes, counts, strict=True)]
        write_csv(folder / f"confusion_matrix_{number}.csv", rows)


def leave_codes(
    path: Path, model: "keras.Model", examples: Examples, rows: Rows, data: DataShape
) -> None:
    """The codes of a model that was trained to make some; else no file.

    A line an example: its place in the dataset, from 0, its class where it has one, its code.
    """
    encoder = encoder_of(model) if data.task in OF_ROWS_ALONE else None
    if encoder is None:
        return
    codes = predict(encoder, examples.x).tolist()
    if examples.labels is None:
        head = ["example", *code_names(encoder)]
        lines = [[row, *code] for row, code in zip(rows, codes, strict=True)]
    else:
        head = ["example", "class", *code_names(encoder)]
        names = (data.class_names[label] for label in examples.labels)
        lines = [[row, name, *code] for row, name, code in zip(rows, names, codes, strict=True)]
    write_csv(path, [head, *lines])


def repeat_result(task: TaskName, test: Evaluation) -> dict[str, object]:
    """What is kept of a repeat beside its metrics: of classes, how they were mistaken."""
    if (matrix := test.tables.get("confusion_matrix")) is None:
        return {"task": task}
    counts = matrix["counts"]
    errors = class_errors(np.asarray(counts)).tolist()
    return {"task": task, "classes": matrix["classes"], "confusion": counts, "class_errors": errors}
