from pathlib import Path

import pytest

from kerasearch.models.datasets import Schema, inspect_file
from kerasearch.searchspaces.problems import InvalidInput


@pytest.mark.parametrize(
    ("filename", "kind", "schema", "sentence"),
    [
        ("table.xlsx", None, Schema(), "/file: send a file named .csv, "),
        ("noending", None, Schema(), "/file: send a file named"),
        ("a.csv", "sequense", Schema(), "/kind: no kind of data 'sequense'; did you mean"),
        ("a.parquet", "image", Schema(), "/kind: image data come as"),
        ("a.npz", None, Schema(target="y"), "/schema: an NPZ file takes no schema"),
    ],
)
def test_what_no_format_can_read_is_refused(
    tmp_path: Path, filename: str, kind: str | None, schema: Schema, sentence: str
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InvalidInput) as caught:
        inspect_file(path, filename, kind, schema)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("filename", ["A.CSV", "a.tsv", "a.txt"])
def test_the_ending_says_the_format(tmp_path: Path, filename: str) -> None:
    path = tmp_path / "stored"
    path.write_bytes(b"a\tb\n1\t2\n3\t4\n")
    assert inspect_file(path, filename, None, Schema()).format == "csv"
