"""Refuse a job whose dataset can't serve it, before anything is stored."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kerasearch.models.datasets.columns import column_classes, select_columns, unusable_features
from kerasearch.models.datasets.info import Column, DatasetInfo
from kerasearch.models.datasets.split import SplitFractions, part_size
from kerasearch.searchspaces.problems import InvalidInput, Problem, pointer_to


class Usable(NamedTuple):
    """What a model needs to know of the data: shape of one example, names of the classes."""

    input_shape: tuple[int, ...]
    classes: tuple[str, ...]


def usable(
    info: DatasetInfo,
    *,
    target: str | None,
    drop: Sequence[str],
    split: SplitFractions,
    kinds: Collection[str],
) -> Usable:
    """Whether a job's `data` can be had from this dataset, by its description alone.

    Args:
        info: Of a built-in or an uploaded dataset.
        target: The job's; None leaves it to the dataset.
        drop: The job's, besides those of the dataset.
        split: The job's.
        kinds: That the job's model family reads.

    Raises:
        InvalidInput: Everything that is wrong, pointing into the job's `data`.
    """
    problems = []
    if info.kind not in kinds:
        wanted = " or ".join(sorted(kinds))
        problems.append(Problem("/dataset", f"the model reads {wanted} data, this is {info.kind}"))
    shape, class_counts = info.shape, info.class_counts
    try:
        if info.columns is None:
            _check_fixed(info, target, drop)
        else:
            shape, class_counts = _from_columns(info, info.columns, target, drop)
    except InvalidInput as error:
        problems += error.problems
    if class_counts is not None:
        problems += _split_problems(class_counts, split)
    if problems or shape is None or class_counts is None:
        raise InvalidInput(problems)
    return Usable(shape, tuple(class_counts))


def _check_fixed(info: DatasetInfo, target: str | None, drop: Sequence[str]) -> None:
    problems = [
        Problem(pointer_to("drop", i), f"only a CSV file's columns can be dropped, not {name!r}")
        for i, name in enumerate(drop)
    ]
    if target not in (None, info.target):
        detail = f"this dataset's target is {info.target!r}, not {target!r}; leave it out"
        problems.append(Problem("/target", detail))
    if problems:
        raise InvalidInput(problems)


def _from_columns(
    info: DatasetInfo, columns: Sequence[Column], target: str | None, drop: Sequence[str]
) -> tuple[tuple[int, ...], dict[str, int]]:
    target = target if target is not None else info.target
    if target is None:
        names = ", ".join(column.name for column in columns)
        raise InvalidInput.at("/target", f"say which column holds the classes; there are {names}")
    selection = select_columns(columns, target, drop, info.drop)
    problems = [Problem("/dataset", detail) for detail in unusable_features(columns, selection)]
    try:
        class_counts = column_classes(columns[selection.target])
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return selection.example_shape(info.kind), class_counts


def _split_problems(class_counts: Mapping[str, int], split: SplitFractions) -> list[Problem]:
    """What keeps `split_rows` from giving every part a row, of every class when stratified."""
    if split.validation + split.test >= 1:
        detail = (
            f"validation {split.validation} and test {split.test} leave nothing to train on; "
            "together they must stay below 1"
        )
        return [Problem("/split", detail)]
    groups = class_counts if split.stratify else {"": sum(class_counts.values())}
    small = {
        name: rows
        for name, rows in groups.items()
        if part_size(rows, split.test) + part_size(rows, split.validation) >= rows
    }
    if not small:
        return []
    if not split.stratify:
        detail = f"{small['']} rows are too few for three parts"
    else:
        listed = ", ".join(f"{name!r} ({rows})" for name, rows in small.items())
        detail = (
            f"too few rows of class {listed}: each of the three parts needs one of every class; "
            "add rows, leave the class out, or say stratify: false"
        )
    return [Problem("/split", detail)]
