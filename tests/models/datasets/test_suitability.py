from collections.abc import Collection
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import BaseModel

from kerasearch.models.datasets import (
    BUILTIN,
    DataChoice,
    DatasetInfo,
    Schema,
    Usable,
    inspect_file,
    load_file,
    usable,
)
from kerasearch.models.datasets.columns import column_tasks
from kerasearch.models.datasets.info import Kind
from kerasearch.models.tasks import TASKS, TaskName
from kerasearch.searchspaces.problems import InvalidInput

PATIENTS = "id,age,name,state\n" + "".join(
    f"{i},{20 + i},n{i},{'well' if i % 2 else 'ill'}\n" for i in range(10)
)


class Fractions(BaseModel):
    validation: float = 0.2
    test: float = 0.2
    stratify: bool = True
    seed: int = 0


@pytest.fixture
def patients(tmp_path: Path) -> DatasetInfo:
    return described(tmp_path, PATIENTS)


def described(tmp_path: Path, content: str, **schema: object) -> DatasetInfo:
    path = tmp_path / "sent.csv"
    path.write_text(content)
    return inspect_file(path, path.name, "tabular", Schema.model_validate(schema))


def ask(
    info: DatasetInfo,
    target: str | None = None,
    drop: tuple[str, ...] = (),
    split: Fractions | None = None,
    kinds: tuple[str, ...] = get_args(Kind),
    task: TaskName | None = None,
    tasks: Collection[TaskName] = ("classification", "regression", "step_labelling"),
    folds: int | None = None,
) -> Usable:
    choice = DataChoice(target=target, drop=drop, task=task)
    return usable(info, choice, split=split or Fractions(), kinds=kinds, tasks=tasks, folds=folds)


def refusals(info: DatasetInfo, **asked: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        ask(info, **asked)  # type: ignore[arg-type]
    return dict(caught.value.problems)


@pytest.mark.parametrize("target", [None, "its own"])
@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_datasets_are_usable(name: str, target: str | None) -> None:
    info = BUILTIN[name].info
    found = ask(info, target and info.target, tasks=TASKS)
    assert (found.input_shape, found.task) == (info.shape, info.tasks[0])
    assert found.classes == (info.classes or ())


def test_a_table_is_usable_with_a_target(patients: DatasetInfo) -> None:
    found = ask(patients, "state", ("name", "id"))
    assert found == ((1,), ("ill", "well"), "classification")


def test_what_was_declared_at_upload_holds_unless_the_job_says_otherwise(tmp_path: Path) -> None:
    info = described(tmp_path, PATIENTS, target="state", drop=["name"])
    assert ask(info).input_shape == (2,)
    assert ask(info, drop=("id",)).input_shape == (1,)
    assert ask(info, target="age", split=Fractions(stratify=False)).input_shape == (2,)
    assert set(refusals(info, target="name", drop=("state",))) == {"/split"}


def test_a_kind_that_the_family_does_not_read_is_refused(patients: DatasetInfo) -> None:
    found = refusals(patients, target="state", drop=("name",), kinds=("sequence", "image"))
    assert found == {"/dataset": "the model reads image or sequence data, this is tabular"}


def test_a_missing_target_is_asked_for_with_the_columns(patients: DatasetInfo) -> None:
    assert refusals(patients) == {
        "/target": "say which column is to be predicted; there are id, age, name, state"
    }


def test_unknown_columns_are_answered_with_the_nearest(patients: DatasetInfo) -> None:
    found = refusals(patients, target="stat", drop=("id", "nme"))
    assert set(found) == {"/target", "/drop/1"}
    assert found["/target"].startswith("no column 'stat'; did you mean 'state'?")
    assert found["/drop/1"].startswith("no column 'nme'; did you mean 'name'?")


def test_a_target_that_is_dropped_is_refused(tmp_path: Path, patients: DatasetInfo) -> None:
    found = refusals(patients, target="state", drop=("id", "state"))
    assert found == {
        "/drop/1": "'state' is the target: drop another column, or predict another one"
    }
    declared = described(tmp_path, PATIENTS, target="state")
    assert [*refusals(declared, drop=("state",))] == ["/drop/0"]


def test_a_series_of_text_is_refused_by_column_line_and_value(tmp_path: Path) -> None:
    path = tmp_path / "sent.csv"
    path.write_text("a,b,d,c\n" + "1,x,1,0\n2,,1,1\n" * 6)
    info = inspect_file(path, path.name, "sequence", Schema(target="c"))
    with pytest.raises(InvalidInput) as caught:
        ask(info)
    assert [problem.detail for problem in caught.value.problems] == [
        "column 'b' holds text where numbers belong, first in line 2, 'x': "
        "drop the column, or turn it into numbers",
        "column 'b' has no value in 6 rows: drop the column, or fill them in",
    ]


def test_a_target_without_a_value_in_some_rows_is_refused(tmp_path: Path) -> None:
    info = described(tmp_path, "a,b,c\n" + "1,,x\nNaN,2,y\n,3,x\n4,4,y\n5,5,x\n5,5,y\n")
    assert refusals(info, target="a") == {
        "/target": "column 'a' is empty in 2 rows; every row needs a class"
    }
    assert refusals(info, target="a", task="regression") == {
        "/target": "column 'a' is empty in 2 rows; every row needs a number"
    }


@pytest.mark.parametrize(
    ("values", "tasks"),
    [
        (["x", "y"], ("classification",)),
        (["0.5", "1"], ("classification", "regression")),
        ([str(i) for i in range(60)], ("classification", "regression")),
        ([f"{i}.5" for i in range(60)], ("regression", "classification")),
        ([str(i) for i in range(120)], ("regression",)),
        ([f'"{i},000"' for i in range(120)], ("regression",)),
    ],
)
def test_what_a_column_can_be_the_target_of(
    tmp_path: Path, values: list[str], tasks: tuple[str, ...]
) -> None:
    info = described(tmp_path, "a,b\n" + "".join(f"1,{value}\n" for value in values * 5))
    assert info.columns is not None
    assert column_tasks(info.columns[1]) == tasks


def test_the_task_is_the_first_of_the_targets_that_the_model_can_be_trained_for(
    patients: DatasetInfo,
) -> None:
    assert ask(patients, "age", split=Fractions(stratify=False)).task == "classification"
    assert ask(patients, "age", tasks=("regression",)).task == "regression"
    assert ask(patients, "age", task="regression").classes == ()
    assert ask(patients, tasks=("reconstruction",)) == ((4,), (), "reconstruction")
    found = refusals(patients, target="state", tasks=("regression",))
    assert found == {
        "/dataset": "the model is trained for regression, and this target is for classification"
    }


def test_a_target_of_one_class_is_refused(tmp_path: Path) -> None:
    info = described(tmp_path, "a,b\n" + "1,x\n2,x\n")
    assert refusals(info, target="b") == {
        "/target": "column 'b' has one class only, 'x'; there must be two"
    }


def test_a_quantity_is_no_class(tmp_path: Path) -> None:
    info = described(tmp_path, "a,price\n" + "".join(f"1,{i}.5\n" for i in range(101)))
    found = refusals(info, target="price", task="classification")
    assert found == {"/task": "this target is for regression, not for classification"}


def test_dropping_every_column_is_refused(patients: DatasetInfo) -> None:
    assert set(refusals(patients, target="state", drop=("id", "age", "name"))) == {"/drop"}


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (Fractions(validation=0.5, test=0.5), "validation 0.5 and test 0.5 leave nothing"),
        (Fractions(validation=0.6, test=0.39), "too few rows of class 'ill' (5), 'well' (5)"),
        (Fractions(validation=0.66, test=0.33, stratify=False), "10 rows are too few"),
    ],
)
def test_a_split_that_leaves_a_part_without_a_row_is_refused(
    patients: DatasetInfo, split: Fractions, sentence: str
) -> None:
    found = refusals(patients, target="state", drop=("name",), split=split)
    assert list(found) == ["/split"]
    assert found["/split"].startswith(sentence)


def test_a_class_of_two_rows_needs_an_unstratified_split(tmp_path: Path) -> None:
    info = described(tmp_path, "a,b\n" + "1,x\n" * 8 + "2,y\n" * 2)
    assert "'y' (2)" in refusals(info, target="b")["/split"]
    assert ask(info, "b", split=Fractions(stratify=False)).classes == ("x", "y")


def test_a_dataset_without_columns_takes_no_other_target_and_no_drop() -> None:
    found = refusals(BUILTIN["digits"].info, target="digit", drop=("x_0",))
    assert set(found) == {"/target", "/drop/0"}
    assert "'label'" in found["/target"]


ALONE: tuple[TaskName, ...] = ("reconstruction", "mapping")


@pytest.mark.parametrize("task", ALONE)
def test_labels_that_only_judge_are_stratified_too(tmp_path: Path, task: TaskName) -> None:
    info = described(tmp_path, "a,label\n" + "1,normal\n" * 200 + "2,bad\n" * 2)
    found = refusals(info, target="label", task=task, tasks=ALONE)
    assert list(found) == ["/split"]
    assert found["/split"].startswith("too few rows of class 'bad' (2)")
    assert found["/split"].endswith("or say stratify: false")
    assert ask(info, "label", split=Fractions(stratify=False), task=task, tasks=ALONE).task == task


def test_labels_that_only_judge_must_be_in_every_fold(tmp_path: Path) -> None:
    info = described(tmp_path, "a,label\n" + "1,normal\n" * 200 + "2,bad\n" * 5)
    found = refusals(info, target="label", tasks=ALONE, folds=5)
    assert found == {
        "/split/folds": "too few rows of class 'bad' (4) beside the test part for 5 folds: "
        "ask for fewer, or say stratify: false"
    }


def test_labels_that_only_judge_must_be_classes(tmp_path: Path) -> None:
    info = described(tmp_path, "a,label\n" + "1,normal\n" * 200)
    assert set(refusals(info, target="label", tasks=ALONE)) == {"/target"}


def test_numbers_are_no_labels_that_judge(tmp_path: Path) -> None:
    info = described(tmp_path, "a,b\n" + "".join(f"1,{i}.5\n" for i in range(60)))
    assert ask(info, "b", tasks=ALONE) == ((1,), (), "reconstruction")


@pytest.mark.parametrize(
    ("y", "task", "is_stratified"),
    [
        (np.repeat([0, 1], [58, 2]), "reconstruction", True),
        (np.repeat([0, 1], [58, 2]), "regression", False),
        (np.repeat([[0] * 3, [1] * 3], [58, 2], axis=0), "reconstruction", False),
    ],
)
def test_what_is_let_through_can_be_split(
    tmp_path: Path, y: np.ndarray, task: TaskName, is_stratified: bool
) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, x=np.zeros((60, 3, 1), np.float32), y=y)
    info = inspect_file(path, path.name, "sequence", Schema())
    dataset = load_file(path, info, DataChoice(task=task))
    if is_stratified:
        assert "'1' (2)" in refusals(info, task=task, tasks=(task,))["/split"]
        with pytest.raises(ValueError, match="can't give 1 and keep one"):
            dataset.split(Fractions())
    else:
        ask(info, task=task, tasks=(task,), folds=48)
        train, validation, _ = dataset.split(Fractions())
        pool = np.concatenate([train, validation])
        assert len(dataset.folds(pool, Fractions(), 48)) == 48


@pytest.mark.parametrize(
    ("task", "split"),
    [("regression", Fractions()), ("classification", Fractions(stratify=False))],
)
def test_folds_that_all_rows_are_too_few_for_are_refused(
    tmp_path: Path, task: TaskName, split: Fractions
) -> None:
    info = described(tmp_path, "a,b\n" + "".join(f"1,{i % 5}\n" for i in range(60)))
    found = refusals(info, target="b", task=task, split=split, folds=49)
    assert found == {
        "/split/folds": "too few rows (48) beside the test part for 49 folds: ask for fewer"
    }
    assert ask(info, "b", task=task, split=split, folds=48).task == task


@pytest.mark.parametrize(
    ("kind", "content"),
    [("series", "value\n" + "1\n2\n" * 20), ("text", "ab" * 20)],
    ids=["series", "text"],
)
def test_folds_of_a_timeline_are_cut_from_a_block_more(
    tmp_path: Path, kind: str, content: str
) -> None:
    path = tmp_path / "steps.txt"
    path.write_text(content)
    info = inspect_file(path, path.name, kind, Schema())
    found = refusals(info, tasks=TASKS, folds=32)
    assert found == {
        "/split/folds": "too few steps (32) beside the test part for the 33 blocks of 32 folds: "
        "ask for fewer"
    }
    ask(info, tasks=TASKS, folds=31)
    dataset = load_file(path, info, DataChoice())
    train, validation, _ = dataset.split(Fractions())
    folds = dataset.folds(np.concatenate([train, validation]), Fractions(), 31)
    assert all(len(part) for fold in folds for part in fold)


def test_folds_of_ratings_may_be_more_than_users(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    rows = (f"u{user},i{item},{item % 5}\n" for user in range(5) for item in range(20))
    path.write_text("user,item,rating\n" + "".join(rows))
    info = inspect_file(path, path.name, "ratings", Schema())
    assert ask(info, tasks=TASKS, folds=20).task == "rating_prediction"
