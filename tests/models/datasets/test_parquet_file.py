from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kerasearch.models.datasets import DataChoice, Schema, inspect_file, load_file
from kerasearch.models.datasets.table_dataset import TableDataset
from kerasearch.searchspaces.problems import InvalidInput


def written(path: Path, columns: dict[str, list[object]]) -> Path:
    file = path / "t.parquet"
    pq.write_table(pa.table(columns), file, row_group_size=7)
    return file


def refusal(file: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        inspect_file(file, file.name, None, Schema())
    return str(caught.value)


def test_a_parquet_file_is_the_table_that_a_csv_file_would_be(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {
            "age": [20 + i if i != 3 else None for i in range(20)],
            "paid": [i / 2 for i in range(20)],
            "town": ["Bern", "Thun"] * 10,
            "member": [True, False] * 10,
            "since": [date(2020, 1, 1 + i) for i in range(20)],
            "left": [i % 2 for i in range(20)],
        },
    )
    info = inspect_file(file, file.name, None, Schema(target="left"))
    assert (info.format, info.kind, info.rows, info.class_counts) == (
        "parquet",
        "tabular",
        20,
        {"0": 10, "1": 10},
    )
    assert info.columns is not None
    assert [column.holds for column in info.columns] == [
        "number",
        "number",
        "category",
        "category",
        "date",
        "number",
    ]
    assert info.warnings == ("column 'since' holds dates: it is left out",)
    table = load_file(file, info, DataChoice())
    assert isinstance(table, TableDataset)
    assert table.x[1].tolist() == [21, 0.5, 1, 0]
    assert [column.values for column in table.columns[2:]] == [("Bern", "Thun"), ("False", "True")]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"a": [1], "b": [[1, 2]]}, "/file: column 'b' holds lists or records"),
        ({"a": [1]}, "/file: there must be two columns at least"),
        ({"a": [], "b": []}, "/file: there is no row of data"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, columns: dict[str, list[object]], sentence: str
) -> None:
    assert refusal(written(tmp_path, columns)).startswith(sentence)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1" * 9])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    assert refusal(tmp_path / "t.parquet").startswith("/file: it can't be read as Parquet")


def test_more_cells_than_memory_should_hold_are_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasearch.models.datasets.parquet_file.MAX_CELLS", 39)
    file = written(tmp_path, {"a": [0] * 20, "b": [1] * 20})
    assert refusal(file) == "/file: it has 40 cells, more than 39"
