from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.datasets import DataChoice, DatasetInfo, Schema, inspect_file, load_file
from kerasearch.models.datasets.csv_rows import MAX_ROW
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.datasets.table_dataset import TableDataset
from kerasearch.searchspaces.problems import InvalidInput

PATIENTS = "age,weight,state\n31,70.5,well\n64,81,ill\n22,55,well\n"


def inspect(
    tmp_path: Path, content: str | bytes, kind: str | None = None, **schema: object
) -> DatasetInfo:
    path = tmp_path / "stored"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return inspect_file(path, "sent.csv", kind, Schema.model_validate(schema))


def refusal(tmp_path: Path, content: str | bytes, kind: str | None = None, **schema: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        inspect(tmp_path, content, kind, **schema)
    return str(caught.value)


def test_columns_are_described_with_their_values_and_first_text(tmp_path: Path) -> None:
    info = inspect(tmp_path, PATIENTS)

    assert (info.rows, info.header, info.delimiter, info.shape) == (3, True, ",", None)
    assert info.columns is not None
    age, _, state = info.columns
    assert (age.name, age.text, age.values) == ("age", None, {"31": 1, "64": 1, "22": 1})
    assert (state.text, state.values) == ((2, "well"), {"well": 2, "ill": 1})


def test_a_description_survives_json(tmp_path: Path) -> None:
    info = inspect(tmp_path, PATIENTS, target="state", drop=["age"])
    assert DatasetInfo.model_validate_json(info.model_dump_json()) == info


def test_a_declared_target_settles_shape_and_classes(tmp_path: Path) -> None:
    info = inspect(tmp_path, PATIENTS, target="state")
    assert (info.shape, info.class_counts) == ((2,), {"ill": 1, "well": 2})


def test_a_table_is_loaded_as_it_was_described(tmp_path: Path) -> None:
    info = inspect(tmp_path, PATIENTS)

    dataset = load_file(tmp_path / "stored", info, DataChoice(target="state", drop=["age"]))

    assert dataset.x.tolist() == [[70.5], [81], [55]]
    assert dataset.x.dtype == np.float32
    assert (dataset.y.tolist(), dataset.classes) == ([1, 0, 1], ("ill", "well"))
    assert dataset.features == ("weight",)


def test_a_job_may_choose_another_target_than_was_declared(tmp_path: Path) -> None:
    info = inspect(tmp_path, "a,b,c\n1,0,0\n2,1,0\n3,1,1\n", target="c", drop=["b"])
    dataset = load_file(tmp_path / "stored", info, DataChoice(target="b", drop=()))
    assert (dataset.features, dataset.y.tolist()) == (("a", "c"), [0, 1, 1])


def test_a_series_is_one_channel_of_as_many_steps_as_features(tmp_path: Path) -> None:
    content = "t0,t1,t2,run,label\n1,2,3,0,up\n3,2,1,1,down\n"
    info = inspect(tmp_path, content, "sequence", target="label", drop=["run"])
    dataset = load_file(tmp_path / "stored", info, DataChoice())
    assert info.shape == (3, 1)
    assert dataset.x[..., 0].tolist() == [[1, 2, 3], [3, 2, 1]]


def test_a_series_may_end_early_where_the_declared_columns_say_so(tmp_path: Path) -> None:
    content = "t0,t1,t2,run,label\n1,2,3,0,up\n3,2,,1,down\n4,,,2,up\n"
    info = inspect(tmp_path, content, "sequence", target="label", drop=["run"])
    assert (info.ends_early, info.warnings, info.shape) == (True, (), (3, 1))
    dataset = load_file(tmp_path / "stored", info, DataChoice())
    ended = np.float32(PADDING)
    assert dataset.x[..., 0].tolist() == [[1, 2, 3], [3, 2, ended], [4, ended, ended]]


@pytest.mark.parametrize("said", [{"drop": ["run"]}, {"columns": {"run": {"type": "drop"}}}])
def test_a_column_that_is_dropped_is_no_step(tmp_path: Path, said: dict[str, object]) -> None:
    content = "t1,t2,t3,run,label\n1,2,3,0,up\n3,2,,1,down\n"
    info = inspect(tmp_path, content, "sequence", target="label", **said)
    assert (info.ends_early, info.shape) == (True, (3, 1))


def test_a_gap_within_a_series_is_no_end(tmp_path: Path) -> None:
    content = "t0,t1,t2,label\n1,2,3,up\n3,,1,down\n4,,,up\n"
    info = inspect(tmp_path, content, "sequence", target="label")
    assert (info.ends_early, info.shape) == (False, None)
    assert "column 't1' has no value in 2 rows" in info.warnings[0]


@pytest.mark.parametrize(
    "content",
    [
        PATIENTS.replace(",", ";"),
        PATIENTS.replace(",", "\t"),
        PATIENTS.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + PATIENTS.encode(),
        PATIENTS.replace("well", '" well "') + "\n  \n",
        PATIENTS.replace(",", " , "),
    ],
    ids=["semicolon", "tab", "crlf", "bom", "quotes and blank lines", "blanks around"],
)
def test_dialects_give_the_same_table(tmp_path: Path, content: str | bytes) -> None:
    info = inspect(tmp_path, content, target="state")
    dataset = load_file(tmp_path / "stored", info, DataChoice())
    assert dataset.x.tolist() == [[31, 70.5], [64, 81], [22, 55]]
    assert (dataset.features, dataset.classes) == (("age", "weight"), ("ill", "well"))


def test_a_first_line_with_a_number_is_data_and_a_warning_says_so(tmp_path: Path) -> None:
    info = inspect(tmp_path, "1,2,a\n3,4,b\n", target="column_3")
    assert (info.header, info.rows, info.class_counts) == (False, 2, {"a": 1, "b": 1})
    assert "header true" in info.warnings[0]


@pytest.mark.parametrize("schema", [{"header": True}, {"target": "label"}])
def test_numbers_name_columns_where_the_schema_says_so(
    tmp_path: Path, schema: dict[str, object]
) -> None:
    info = inspect(tmp_path, "0,1,label\n3,4,b\n5,6,a\n", **schema)
    assert info.columns is not None
    assert [column.name for column in info.columns] == ["0", "1", "label"]


def test_a_column_without_a_name_is_named_by_its_place(tmp_path: Path) -> None:
    info = inspect(tmp_path, ",a,b\n0,1,2\n1,1,2\n")
    assert info.columns is not None
    assert [column.name for column in info.columns] == ["column_1", "a", "b"]


def test_each_column_has_a_type_by_what_it_holds(tmp_path: Path) -> None:
    rows = [
        f'{i},"{1 + i},000",{"NA" if i == 3 else "b"},{i % 12 + 1}/3/2012,n/a,n{i}'
        for i in range(101)
    ]
    info = inspect(tmp_path, "\n".join(["a,b,c,d,e,f", *rows]))
    assert info.columns is not None
    found = {column.name: column.type for column in info.columns}
    assert found == {
        "a": "number",
        "b": "number",
        "c": "category",
        "d": "date",
        "e": "empty",
        "f": "text",
    }
    assert info.columns[2].missing == 1
    assert [warning.split(":")[0] for warning in info.warnings] == [
        "column 'd' holds dates",
        "column 'e' has no value in any row",
        "column 'f' has more than 100 different values that aren't all numbers, "
        "first 'n0' in line 2",
    ]


@pytest.mark.parametrize("odd", ["young", "3,5"])
def test_a_column_of_numbers_with_a_text_among_them_is_warned_of(tmp_path: Path, odd: str) -> None:
    info = inspect(tmp_path, f"age;left\n20;0\n{odd};1\n30;1\n")
    assert info.warnings == (
        f"column 'age' is taken for categories, since '{odd}' in line 3 is no number: mend it, "
        "with a decimal point where one belongs, or say in the schema that it is a category",
    )


def test_the_schema_says_what_a_column_does_not_look_like(tmp_path: Path) -> None:
    said = {"b": {"type": "category"}, "a": {"type": "drop"}}
    info = inspect(tmp_path, "a,b,c\n1,1,0\n2,2,1\n3,1,0\n", target="c", columns=said)
    assert info.drop == ("a",)
    assert info.columns is not None
    assert info.columns[1].type == "category"
    dataset = load_file(tmp_path / "stored", info, DataChoice())
    assert isinstance(dataset, TableDataset)
    assert [column.values for column in dataset.columns] == [("1", "2")]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"d": {"type": "drop"}}, "/schema/columns/d: no column 'd'"),
        ({"b": {"type": "number"}}, "/schema/columns/b: it holds no number in line 3, 'x'"),
    ],
)
def test_a_type_that_does_not_fit_is_refused(
    tmp_path: Path, columns: dict[str, object], sentence: str
) -> None:
    assert refusal(tmp_path, "a,b\n1,1\n2,x\n", columns=columns).startswith(sentence)


def test_thousands_separators_are_read_whatever_the_column_is_for(tmp_path: Path) -> None:
    info = inspect(tmp_path, 'a,b\n"1,234.5",1\n"-12,000","2,000,001.25"\n7,3\n')
    choice = DataChoice(target="b", task="regression")
    dataset = load_file(tmp_path / "stored", info, choice)
    assert dataset.x.tolist() == [[1234.5], [-12000], [7]]
    assert dataset.y is not None
    assert dataset.y.dtype == np.float32
    assert dataset.y.tolist() == [1, 2000001.25, 3]


def test_without_a_target_rows_are_all_there_is(tmp_path: Path) -> None:
    info = inspect(tmp_path, PATIENTS)
    dataset = load_file(
        tmp_path / "stored", info, DataChoice(task="reconstruction", drop=("state",))
    )
    assert dataset.y is None
    assert dataset.x.shape == (3, 2)


def test_labels_of_rows_that_are_reconstructed_are_kept(tmp_path: Path) -> None:
    info = inspect(tmp_path, PATIENTS, target="state")
    dataset = load_file(tmp_path / "stored", info, DataChoice(task="reconstruction"))
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("odd", ["inf", "1e300", "1_0", "0x1f"])
def test_what_only_looks_like_a_number_is_text(tmp_path: Path, odd: str) -> None:
    info = inspect(tmp_path, f"a,b\n1,0\n{odd},1\n")
    assert info.columns is not None
    assert info.columns[0].text == (3, odd)


def test_many_distinct_values_are_not_kept(tmp_path: Path) -> None:
    info = inspect(tmp_path, "a,b\n" + "".join(f"{i},{i % 100}\n" for i in range(101)))
    assert info.columns is not None
    assert info.columns[0].values is None
    assert len(info.columns[1].values or ()) == 100


def test_a_table_of_many_blocks_is_described_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasearch.models.datasets.column_scan._BLOCK", 300)
    info = inspect(tmp_path, "a,b\n" + "1,x\n" * 50 + ",y\n" * 7 + "z,y\n", target="b")
    assert info.columns is not None
    assert (info.columns[0].missing, info.columns[0].text) == (7, (59, "z"))
    assert info.class_counts == {"x": 50, "y": 8}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "/file: the file is empty"),
        ("\n\n", "/file: the file is empty"),
        ('""\n', "/file: the file is empty"),
        ("a,b\n", "/file: there is no row of data"),
        ("a\n1\n", "/file: there is one column only"),
        ("a,b,a\n1,2,3\n", "/file: column name 'a' stands more than once"),
        ("a,b\n1,2\n3,4,5\n", "/file: line 3 has 3 cells, the first row 2"),
        ("a,b\n1,2\n3\n", "/file: line 3 has 1 cells"),
        ('a,b\n1,"2\n', "/file: line 2 can't be read as CSV"),
        ("a,b\n1,2\n", "/file: there is one row of data only"),
        (b"a,b\n\xff,2\n", "/file: line 2 holds byte 0xff, no UTF-8"),
        (b"a,b\r\n" + 3000 * b"1,2\r\n" + b"caf\xe9,2\n", "/file: line 3002 holds byte 0xe9"),
        (PATIENTS.encode("utf-16-le"), "/file: line 1 holds a NUL character"),
        (",".join(["0"] * 5000), "/file: 5000 columns are more than 4096"),
        ("a,b\n1," + "2" * MAX_ROW, "/file: the row at line 2 is longer than"),
        ('a,b\n1,"2' + '""\n,' * MAX_ROW, "/file: line"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    assert refusal(tmp_path, content).startswith(sentence)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"target": "stat"}, "/schema/target: no column 'stat'; did you mean 'state'?"),
        ({"drop": ["age", "wait"]}, "/schema/drop/1: no column 'wait'; did you mean 'weight'?"),
        ({"drop": ["agee"], "target": "state"}, "/schema/drop/0: no column 'agee'; did you mean"),
        ({"drop": ["age", "weight"], "target": "state"}, "/schema/drop: no column is left"),
        ({"target": "state", "header": False}, "/schema/target: no column 'state'"),
    ],
)
def test_a_schema_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, schema: dict[str, object], sentence: str
) -> None:
    assert refusal(tmp_path, PATIENTS, **schema).startswith(sentence)


def test_a_declared_target_of_one_class_is_refused(tmp_path: Path) -> None:
    content = PATIENTS.replace("ill", "well")
    assert refusal(tmp_path, content, target="state").startswith(
        "/schema/target: column 'state' has one class only, 'well'"
    )


def test_images_are_not_sent_as_csv(tmp_path: Path) -> None:
    assert refusal(tmp_path, PATIENTS, "image").startswith("/kind: image data come as")
