"""What a trial and a repeat leave on disk of how their models did."""

from pathlib import Path

import numpy as np

from kerasearch.models.class_evaluation import class_errors
from kerasearch.models.evaluation import Evaluation
from kerasearch.models.pictures import draw_curves, draw_table
from kerasearch.models.tasks import TaskName
from kerasearch.models.training import TrainedModel
from kerasearch.service.files import write_csv, write_json, written_whole


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


def repeat_result(task: TaskName, test: Evaluation) -> dict[str, object]:
    """What is kept of a repeat beside its metrics: of classes, how they were mistaken."""
    if (matrix := test.tables.get("confusion_matrix")) is None:
        return {"task": task}
    counts = matrix["counts"]
    errors = class_errors(np.asarray(counts)).tolist()
    return {"task": task, "classes": matrix["classes"], "confusion": counts, "class_errors": errors}
