import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from kerasearch.models.datasets import BUILTIN
from kerasearch.service.routes.context import Context
from kerasearch.service.store.database import Transaction

PostJob = Callable[..., str]

TABLE = b"age,balance,left\n" + b"".join(
    f"{20 + i},{i * 10.5},{'yes' if i % 2 else 'no'}\n".encode() for i in range(40)
)


def upload(
    http: httpx.Client, content: bytes, filename: str = "churn.csv", **fields: str
) -> httpx.Response:
    return http.post("/v1/datasets", files={"file": (filename, content)}, data=fields)


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def archive(x: bytes, y: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("x.npy", x)
        members.writestr("y.npy", y)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape: tuple[int, ...]) -> bytes:
    text = str({"descr": "<f8", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


LABELS = np.array([0, 1] * 10)
OBJECTS = np.array([{"a": 1}] * 20, dtype=object)


# What is stored


def test_a_table_is_stored_by_the_digest_of_its_content(
    http: httpx.Client, context: Context
) -> None:
    answer = upload(http, TABLE, name="churn", kind="tabular", schema='{"target": "left"}')
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/datasets/churn"
    dataset = answer.json()
    assert dataset == {
        "id": hashlib.sha256(TABLE).hexdigest(),
        "name": "churn",
        "kind": "tabular",
        "builtin": False,
        "rows": 40,
        "shapes": {"x": [40, 2], "y": [40]},
        "classes": ["no", "yes"],
        "columns": ["age", "balance", "left"],
        "target": "left",
        "drop": [],
        "types": {"age": "number", "balance": "number", "left": "category"},
        "description": None,
        "warnings": [],
    }
    for key in ("churn", dataset["id"]):
        assert http.get(f"/v1/datasets/{key}").json() == dataset
    (kept,) = (context.settings.datasets_dir / dataset["id"]).iterdir()
    assert (kept.name, kept.read_bytes()) == ("data.csv", TABLE)


def test_what_is_declared_of_a_table_is_shown(http: httpx.Client) -> None:
    columns = {"age": {"type": "category"}, "balance": {"type": "drop"}}
    dataset = upload(http, TABLE, schema=json.dumps({"columns": columns})).json()
    assert (dataset["target"], dataset["drop"], dataset["shapes"]) == (None, ["balance"], {})
    assert dataset["types"] == {"age": "category", "balance": "number", "left": "category"}


def test_arrays_are_stored_with_their_kind_and_classes(http: httpx.Client) -> None:
    curves = npz(x=np.ones((20, 7, 1), np.float32), y=np.array(["a", "b"] * 10))
    dataset = upload(http, curves, "curves.npz").json()
    assert (dataset["name"], dataset["kind"]) == ("curves", "sequence")
    assert dataset["shapes"] == {"x": [20, 7, 1], "y": [20]}
    assert dataset["classes"] == ["a", "b"]


def test_the_same_file_again_is_the_same_dataset(http: httpx.Client) -> None:
    first = upload(http, TABLE, schema='{"target": "left"}')
    again = upload(http, TABLE, schema='{"target": "left"}')
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other_name = upload(http, TABLE, name="other")
    assert other_name.status_code == 409
    assert "stored already, as 'churn'" in other_name.json()["detail"]


def test_another_file_can_not_take_a_name(http: httpx.Client) -> None:
    upload(http, TABLE)
    refused = upload(http, TABLE + b"70,1,yes\n")
    assert refused.status_code == 409
    assert "choose another" in refused.json()["detail"]


def test_a_job_searches_an_uploaded_dataset(http: httpx.Client, post_job: PostJob) -> None:
    dataset_id = upload(http, TABLE, schema='{"target": "left"}').json()["id"]
    job_id = post_job(data={"dataset": "churn"})
    job = http.get(f"/v1/jobs/{job_id}").json()
    assert job["dataset_id"] == dataset_id
    assert job["request"]["data"]["target"] == "left"
    refused = http.post("/v1/jobs", json={"model": "mlp", "data": {"dataset": "chrun"}})
    assert "did you mean 'churn'?" in refused.json()["detail"]


# Listing and removing


def test_built_in_datasets_are_listed_before_uploaded_ones(http: httpx.Client) -> None:
    upload(http, TABLE)
    listed = http.get("/v1/datasets").json()
    assert listed["next"] is None
    assert [one["name"] for one in listed["items"]] == [*BUILTIN, "churn"]
    assert [one["builtin"] for one in listed["items"]] == [True] * len(BUILTIN) + [False]
    for one in listed["items"][:-1]:
        assert http.get(f"/v1/datasets/{one['id']}").json() == one
        assert one["description"]


def test_an_unknown_dataset_is_told_the_nearest_one(http: httpx.Client) -> None:
    missing = http.get("/v1/datasets/digit")
    assert missing.status_code == 404
    assert "did you mean 'digits'?" in missing.json()["detail"]
    assert http.delete("/v1/datasets/digit").status_code == 404


def test_a_dataset_is_removed_with_its_file(http: httpx.Client, context: Context) -> None:
    dataset_id = upload(http, TABLE).json()["id"]
    removed = http.delete("/v1/datasets/churn")
    assert (removed.status_code, removed.content) == (204, b"")
    assert http.get(f"/v1/datasets/{dataset_id}").status_code == 404
    assert list(context.settings.datasets_dir.iterdir()) == []
    assert upload(http, TABLE).status_code == 201


def test_a_file_that_is_uploaded_again_while_it_is_removed_stays(
    http: httpx.Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_id = upload(http, TABLE).json()["id"]
    write = context.database.write

    @contextmanager
    def write_and_upload() -> Iterator[Transaction]:
        monkeypatch.setattr(context.database, "write", write)
        with write() as tx:
            yield tx
        assert upload(http, TABLE).status_code == 201

    monkeypatch.setattr(context.database, "write", write_and_upload)
    assert http.delete("/v1/datasets/churn").status_code == 204
    (kept,) = (context.settings.datasets_dir / dataset_id).iterdir()
    assert kept.read_bytes() == TABLE


def test_a_dataset_in_use_is_not_removed(http: httpx.Client, post_job: PostJob) -> None:
    upload(http, TABLE, schema='{"target": "left"}')
    job_id = post_job(data={"dataset": "churn"})
    refused = http.delete("/v1/datasets/churn")
    assert refused.status_code == 409
    assert job_id in refused.json()["detail"]
    assert http.get("/v1/datasets/churn").status_code == 200


def test_a_built_in_dataset_is_not_removed(http: httpx.Client) -> None:
    for key in ("digits", BUILTIN["digits"].sha256):
        refused = http.delete(f"/v1/datasets/{key}")
        assert refused.status_code == 409
        assert "built in" in refused.json()["detail"]


# What is refused

TARGET = '{"target": "left"}'


@pytest.mark.parametrize(
    ("content", "filename", "fields", "pointer", "words"),
    [
        (TABLE, "a.csv", {"schema": '{"target": "lefd"}'}, "/schema/target", "mean 'left'?"),
        (TABLE, "a.csv", {"schema": '{"traget": "left"}'}, "/schema/traget", "mean 'target'?"),
        (TABLE, "a.csv", {"schema": "target: left"}, "/schema", "must be JSON"),
        (TABLE, "a.csv", {"schema": "[1]"}, "/schema", "must be a mapping"),
        (TABLE, "a.csv", {"kind": "tabel"}, "/kind", "no kind 'tabel'; did you mean 'tabular'?"),
        (TABLE, "a.csv", {"nmae": "churn"}, "/nmae", "did you mean 'name'?"),
        (TABLE, "a.csv", {"name": "no blanks"}, "/name", "letters, digits"),
        (TABLE, "a.csv", {"name": "../a"}, "/name", "letters, digits"),
        (TABLE, "a (1).csv", {}, "/name", "say one, since the file's is none: a name is letters"),
        (TABLE, "a.csv", {"name": "digits"}, "/name", "built-in"),
        (TABLE, "a.csv", {"name": "x" * 101}, "/name", "at most 100"),
        (TABLE, "a.xlsx", {}, "/file", "send a file named .csv"),
        (TABLE, "a." + "x" * 200, {}, "/file", "send a file named .csv"),
        (b"", "a.csv", {}, "/file", "empty"),
        (b"x,y\n1,a\n2\n", "a.csv", {}, "/file", "line 3 has 1 cells, the first row 2"),
        (b"x,left\n1,a\n2,a\n", "a.csv", {"schema": TARGET}, "/schema/target", "one class only"),
        (b"PK\x03\x04", "a.npz", {}, "/file", "numpy.savez"),
        (npz(x=np.ones((20, 2)), y=OBJECTS), "a.npz", {}, "/file", "Python objects"),
        (npz(x=np.ones((20, 2)), z=LABELS), "a.npz", {}, "/file", "must hold x, most often y"),
        (archive(header((2**14, 2**14)), npy(LABELS)), "a.npz", {}, "/file", "2147483648 bytes"),
        (
            archive(header((30_000_000,)) + bytes(240_000_000), npy(LABELS)),
            "a.npz",
            {},
            "/file",
            "expands more than 200 times",
        ),
    ],
)
def test_a_refused_file_leaves_nothing(
    http: httpx.Client,
    context: Context,
    content: bytes,
    filename: str,
    fields: dict[str, str],
    pointer: str,
    words: str,
) -> None:
    refused = upload(http, content, filename, **fields)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    (error,) = refused.json()["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]
    assert len(http.get("/v1/datasets").json()["items"]) == len(BUILTIN)
    assert list(context.settings.data_dir.rglob("data.*")) == []
    assert list(context.settings.data_dir.glob(".upload-*")) == []


def test_text_where_numbers_belong_is_warned_of_or_refused(http: httpx.Client) -> None:
    table = TABLE.replace(b"20,0.0", b"young,0.0")
    (warning,) = upload(http, table, schema=TARGET).json()["warnings"]
    assert "column 'age' is taken for categories, since 'young' in line 2" in warning
    schema = json.dumps({"target": "left", "columns": {"age": {"type": "number"}}})
    refused = upload(http, table.replace(b"young", b"old"), schema=schema)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/schema/columns/age"
    assert "it holds no number in line 2, 'old'" in refused.json()["detail"]


def test_a_form_without_a_file_says_how_to_send_one(http: httpx.Client) -> None:
    no_file = http.post("/v1/datasets", data={"name": "churn"})
    assert no_file.json()["errors"] == [{"pointer": "/file", "detail": "must be given"}]
    name_alone = http.post("/v1/datasets", data={"file": "churn.csv"})
    assert name_alone.status_code == 422
    assert "-F file=@NAME" in name_alone.json()["detail"]
    as_json = http.post("/v1/datasets", json={"file": "churn.csv"})
    assert as_json.status_code == 422


def test_a_damaged_form_is_refused(http: httpx.Client) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        refused = http.post("/v1/datasets", content=b"abc", headers={"Content-Type": kind})
        assert refused.status_code in (400, 422)
        assert refused.headers["content-type"] == "application/problem+json"


def test_a_file_s_name_can_do_no_harm(http: httpx.Client, context: Context) -> None:
    for number, filename in enumerate(["../../a.csv", "/etc/passwd.csv", "a\\b.csv", "ü.csv"]):
        row = f"{100 + number},1,yes\n".encode()
        assert upload(http, TABLE + row, filename, name=f"n{number}").status_code == 201
    kept = list(context.settings.data_dir.rglob("*.csv"))
    assert {path.name for path in kept} == {"data.csv"}
    assert all(path.is_relative_to(context.settings.datasets_dir) for path in kept)


def test_a_schema_is_kept_as_it_was_said(http: httpx.Client) -> None:
    schema = json.dumps({"target": "left", "drop": ["age"], "header": True})
    dataset = upload(http, TABLE, schema=schema).json()
    assert dataset["shapes"]["x"] == [40, 1]
