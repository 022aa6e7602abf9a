from pathlib import Path

import pytest
from pydantic import BaseModel

from kerasearch.models.datasets import BUILTIN, DatasetInfo, Schema, Usable, inspect_file, usable
from kerasearch.searchspaces.problems import InvalidInput

PATIENTS = "id,age,name,state\n" + "".join(
    f"{i},{20 + i},n{i},{'well' if i % 2 else 'ill'}\n" for i in range(10)
)


class Fractions(BaseModel):
    validation: float = 0.2
    test: float = 0.2
    stratify: bool = True


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
    kinds: tuple[str, ...] = ("tabular", "sequence", "image"),
) -> Usable:
    return usable(info, target=target, drop=drop, split=split or Fractions(), kinds=kinds)


def refusals(info: DatasetInfo, **asked: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        ask(info, **asked)  # type: ignore[arg-type]
    return dict(caught.value.problems)


@pytest.mark.parametrize("target", [None, "label"])
@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_datasets_are_usable(name: str, target: str | None) -> None:
    assert ask(BUILTIN[name].info, target) == (BUILTIN[name].shape, BUILTIN[name].classes)


def test_a_table_is_usable_with_a_target_and_numbers(patients: DatasetInfo) -> None:
    assert ask(patients, "state", ("name", "id")) == ((1,), ("ill", "well"))


def test_what_was_declared_at_upload_holds_unless_the_job_says_otherwise(tmp_path: Path) -> None:
    info = described(tmp_path, PATIENTS, target="state", drop=["name"])
    assert ask(info).input_shape == (2,)
    assert ask(info, drop=("id",)).input_shape == (1,)
    assert "column 'state' holds text" in refusals(info, target="age")["/dataset"]
    assert set(refusals(info, target="name", drop=("state",))) == {"/split"}


def test_a_kind_that_the_family_does_not_read_is_refused(patients: DatasetInfo) -> None:
    found = refusals(patients, target="state", drop=("name",), kinds=("sequence", "image"))
    assert found == {"/dataset": "the model reads image or sequence data, this is tabular"}


def test_a_missing_target_is_asked_for_with_the_columns(patients: DatasetInfo) -> None:
    assert refusals(patients) == {
        "/target": "say which column holds the classes; there are id, age, name, state"
    }


def test_unknown_columns_are_answered_with_the_nearest(patients: DatasetInfo) -> None:
    found = refusals(patients, target="stat", drop=("id", "nme"))
    assert set(found) == {"/target", "/drop/1"}
    assert found["/target"].startswith("no column 'stat'; did you mean 'state'?")
    assert found["/drop/1"].startswith("no column 'nme'; did you mean 'name'?")


def test_text_where_numbers_belong_names_column_line_and_value(patients: DatasetInfo) -> None:
    assert refusals(patients, target="state") == {
        "/dataset": "column 'name' holds text where numbers belong, first in line 2, 'n0': "
        "drop the column, or turn it into numbers"
    }


@pytest.mark.parametrize("number", ["7,380,500", "1,200.5", "3,14", "1.452.500"])
def test_numbers_with_commas_are_answered_with_how_to_write_them(
    tmp_path: Path, number: str
) -> None:
    info = described(tmp_path, "a;b\n" + f"{number};x\n{number};y\n" * 5)
    assert refusals(info, target="b")["/dataset"].endswith(
        f"{number!r}: write numbers with a decimal point and no thousands separators"
    )


def test_missing_values_are_counted_for_each_column(tmp_path: Path) -> None:
    info = described(tmp_path, "a,b,c\n" + "1,,x\nNaN,2,y\n,3,x\n4,4,y\n5,5,x\n5,5,y\n")
    with pytest.raises(InvalidInput) as caught:
        ask(info, "c")
    assert [(p.pointer, p.detail.split(":")[0]) for p in caught.value.problems] == [
        ("/dataset", "column 'a' has no value in 2 rows"),
        ("/dataset", "column 'b' has no value in 1 rows"),
    ]
    assert refusals(info, target="a")["/target"] == (
        "column 'a' is empty in 2 rows; every row needs a class"
    )


def test_a_target_of_one_class_is_refused(tmp_path: Path) -> None:
    info = described(tmp_path, "a,b\n" + "1,x\n2,x\n")
    assert refusals(info, target="b") == {
        "/target": "column 'b' has one class only, 'x'; there must be two"
    }


def test_a_quantity_is_no_target(tmp_path: Path) -> None:
    info = described(tmp_path, "a,price\n" + "".join(f"1,{i}.5\n" for i in range(101)))
    assert refusals(info, target="price")["/target"].startswith(
        "column 'price' has more than 100 distinct values: a quantity, not a class"
    )


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
