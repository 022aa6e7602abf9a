"""Refuse a job whose dataset can't serve it, before anything is stored."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.columns import (
    check_quantity,
    column_classes,
    column_tasks,
    is_name,
    select_columns,
    unusable_features,
)
from kerasearch.models.datasets.info import Column, DatasetInfo
from kerasearch.models.datasets.series_columns import select_channels
from kerasearch.models.datasets.split import SplitFractions, part_size
from kerasearch.models.tasks import OF_ROWS_ALONE, TASKS, TaskName
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to


class Usable(NamedTuple):
    """What a model needs to know of the data.

    Attributes:
        input_shape: Of one example, before a table's categories are encoded.
        classes: Their names; empty where the target is no class.
        task: What the model will be trained for.
    """

    input_shape: tuple[int, ...]
    classes: tuple[str, ...]
    task: TaskName


def usable(
    info: DatasetInfo,
    choice: DataChoice,
    *,
    split: SplitFractions,
    kinds: Collection[str],
    tasks: Collection[TaskName],
    folds: int | None = None,
) -> Usable:
    """Whether a job's `data` can be had from this dataset, by its description alone.

    Args:
        info: Of a built-in or an uploaded dataset.
        choice: The job's.
        split: The job's.
        kinds: That the job's model family reads.
        tasks: That it can be trained for.
        folds: That validate in turn, if so.

    Raises:
        InvalidInput: Everything that is wrong, pointing into the job's `data`; of data of a kind
            that the model doesn't read nothing else.
    """
    if info.kind not in kinds:
        wanted = " or ".join(sorted(kinds))
        raise InvalidInput.at("/dataset", f"the model reads {wanted} data, this is {info.kind}")
    problems: list[Problem] = []
    target = choice.target if choice.target is not None else info.target
    shape, class_counts, task = info.shape, info.class_counts, None
    try:
        if choice.horizon != 1 and info.kind != "series":
            raise InvalidInput.at("/horizon", f"only a series is forecast, and this is {info.kind}")
        if info.columns is None:
            _check_fixed(info, choice)
            task = _task(info.tasks, choice.task, tasks)
        elif info.kind == "series":
            channels = select_channels(info.columns, target, (*info.drop, *choice.drop))
            shape, task = (len(channels),), _task(info.tasks, choice.task, tasks)
        else:
            shape, class_counts, task = _from_columns(info, info.columns, target, choice, tasks)
    except InvalidInput as error:
        problems += error.problems
    if task is not None:
        strata = (class_counts or {}) if split.stratify and _has_labels(info, task) else {}
        problems += _split_problems(info, strata, split)
        problems += _fold_problems(info, strata, split, folds)
    if problems or shape is None or task is None:
        raise InvalidInput(problems)
    return Usable(shape, tuple(class_counts or ()), task)


def _task(
    of_target: Sequence[TaskName], asked: TaskName | None, of_model: Collection[TaskName]
) -> TaskName:
    """The task asked for, or the first of the target's that the model can be trained for.

    Raises:
        InvalidInput: At `/task` or `/dataset`.
    """
    possible = (*of_target, *OF_ROWS_ALONE)
    if asked is not None:
        if asked not in of_model:
            detail = f"the model is trained for {_or(of_model)}, not for {asked}"
            raise InvalidInput.at("/task", detail)
        if asked not in possible:
            raise InvalidInput.at("/task", f"this target is for {_or(of_target)}, not for {asked}")
        return asked
    for task in possible:
        if task in of_model:
            return task
    raise InvalidInput.at(
        "/dataset",
        f"the model is trained for {_or(of_model)}, and this target is for {_or(of_target)}",
    )


def _or(tasks: Collection[TaskName]) -> str:
    return " or ".join(tasks) or "nothing"


def _check_fixed(info: DatasetInfo, choice: DataChoice) -> None:
    problems = [
        Problem(pointer_to("drop", i), f"only a table's columns can be dropped, not {name!r}")
        for i, name in enumerate(choice.drop)
    ]
    if info.kind == "ratings" and choice.task not in (None, *info.tasks):
        problems.append(Problem("/task", f"ratings are for {_or(info.tasks)}, not {choice.task}"))
    if choice.target not in (None, info.target):
        own = "has no columns" if info.target is None else f"predicts {info.target!r}"
        detail = f"this dataset {own}, so its target isn't {choice.target!r}: leave target out"
        problems.append(Problem("/target", detail))
    if problems:
        raise InvalidInput(problems)


def _from_columns(
    info: DatasetInfo,
    columns: Sequence[Column],
    target: str | None,
    choice: DataChoice,
    of_model: Collection[TaskName],
) -> tuple[tuple[int, ...], dict[str, int] | None, TaskName]:
    wanted = of_model if choice.task is None else [choice.task]
    if target is None and all(TASKS[task].needs_target for task in wanted):
        names = ", ".join(column.name for column in columns)
        raise InvalidInput.at("/target", f"say which column is to be predicted; there are {names}")
    selection = select_columns(columns, target, choice.drop, info.drop, info.kind)
    problems = []
    if info.kind == "sequence":
        as_declared = target == info.target and not choice.drop
        unusable = unusable_features(columns, selection, ends_early=info.ends_early and as_declared)
        problems = [Problem("/dataset", text) for text in unusable]
    class_counts = task = None
    try:
        column = None if selection.target is None else columns[selection.target]
        task = _task(() if column is None else column_tasks(column), choice.task, of_model)
        if column is not None and (task == "classification" or is_name(column, task)):
            class_counts = column_classes(column)
        elif column is not None and task == "regression":
            check_quantity(column)
    except InvalidInput as error:
        problems += error.problems
    if problems or task is None:
        raise InvalidInput(problems)
    return selection.example_shape(info.kind), class_counts, task


def _has_labels(info: DatasetInfo, task: TaskName) -> bool:
    """Whether classes, where there are any, are those of `Dataset.labels`, one an example."""
    alone = task in OF_ROWS_ALONE and "step_labelling" not in info.tasks
    return task == "classification" or alone


def _split_problems(
    info: DatasetInfo, strata: Mapping[str, int], split: SplitFractions
) -> list[Problem]:
    """What keeps `split_rows` from giving every part a row, of every class when stratified."""
    if split.validation + split.test >= 1:
        detail = (
            f"validation {split.validation} and test {split.test} leave nothing to train on; "
            "together they must stay below 1"
        )
        return [Problem("/split", detail)]
    small = {
        name: rows
        for name, rows in (strata or {"": info.rows}).items()
        if part_size(rows, split.test) + part_size(rows, split.validation) >= rows
    }
    if not small:
        return []
    if not strata:
        detail = f"{small['']} rows are too few for three parts"
    else:
        listed = ", ".join(f"{name!r} ({rows})" for name, rows in small.items())
        detail = (
            f"too few rows of class {listed}: each of the three parts needs one of every class; "
            "add rows, leave the class out, or say stratify: false"
        )
    return [Problem("/split", detail)]


def _fold_problems(
    info: DatasetInfo, strata: Mapping[str, int], split: SplitFractions, folds: int | None
) -> list[Problem]:
    """What keeps `folds` from giving every fold a row, of every class when stratified."""
    if folds is None or info.kind == "ratings":  # folds of ratings, whose rows are users
        return []
    is_timeline = info.kind in ("series", "text")
    needed = folds + 1 if is_timeline else folds
    small = {
        name: left
        for name, rows in (strata or {"": info.rows}).items()
        if (left := rows - part_size(rows, split.test)) < needed
    }
    if not small:
        return []
    if strata:
        listed = ", ".join(f"{name!r} ({left})" for name, left in small.items())
        detail = (
            f"too few rows of class {listed} beside the test part for {folds} folds: "
            "ask for fewer, or say stratify: false"
        )
    elif is_timeline:
        detail = (
            f"too few steps ({small['']}) beside the test part for the {needed} blocks of "
            f"{folds} folds: ask for fewer"
        )
    else:
        detail = f"too few rows ({small['']}) beside the test part for {folds} folds: ask for fewer"
    return [Problem("/split/folds", detail)]
