import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.datasets import (
    DataChoice,
    Dataset,
    DatasetInfo,
    Schema,
    inspect_file,
    load_file,
)
from kerasearch.models.datasets.npz_archive import MAX_BYTES
from kerasearch.models.datasets.padding import PADDING, has_padding
from kerasearch.searchspaces.problems import InvalidInput

X = np.arange(24, dtype=np.float64).reshape(4, 6)
Y = np.array([1, 0, 1, 0])


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text) + 1)
    return b"\x93NUMPY" + version + length + text.encode() + b"\n"


def archive(path: Path, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def inspect(path: Path, kind: str | None = None) -> DatasetInfo:
    return inspect_file(path, "sent.npz", kind, Schema())


def sent(tmp_path: Path, x: np.ndarray, y: np.ndarray, kind: str | None = None) -> Dataset:
    path = tmp_path / "stored"
    with path.open("wb") as file:
        np.savez_compressed(file, x=x, y=y)
    info = inspect(path, kind)
    assert DatasetInfo.model_validate_json(info.model_dump_json()) == info
    dataset = load_file(path, info, DataChoice())
    assert (info.rows, *(info.shape or ())) == dataset.x.shape
    assert info.classes == dataset.classes
    assert [*(info.class_counts or {}).values()] == np.bincount(dataset.y).tolist()
    return dataset


def refusal(path: Path, kind: str | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        inspect(path, kind)
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "kind", "understood", "example"),
    [
        ((6, 4), None, "tabular", (4,)),
        ((6, 2, 2), None, "sequence", (2, 2)),
        ((6, 2, 1, 2), None, "image", (2, 1, 2)),
        ((6, 2, 2), "image", "image", (2, 2, 1)),
        ((6, 4), "sequence", "sequence", (4, 1)),
    ],
)
def test_dimensions_say_the_kind_unless_the_sender_does(
    tmp_path: Path, shape: tuple[int, ...], kind: str | None, understood: str, example: tuple
) -> None:
    x = np.arange(24, dtype=np.float32).reshape(shape)
    dataset = sent(tmp_path, x, np.array([0, 1] * 3), kind)
    assert dataset.kind == understood
    assert dataset.x.shape == (6, *example)
    assert np.array_equal(dataset.x.ravel(), x.ravel())


@pytest.mark.parametrize("dtype", ["?", "u1", "<i2", ">i8", "f2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_real_dtype_in_any_order_becomes_float32(
    tmp_path: Path, dtype: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasearch.models.datasets.npz_archive._BLOCK", 40)  # many blocks
    x = np.asarray(X.reshape(4, 3, 2).astype(dtype), order=order)  # type: ignore[call-overload]
    dataset = sent(tmp_path, x, Y)
    assert dataset.x.dtype == np.float32
    assert dataset.x.flags.c_contiguous
    assert np.array_equal(dataset.x, x.astype(np.float32))


@pytest.mark.parametrize(
    ("y", "classes", "labels"),
    [
        (np.array([3, 10, 3, -1]), ("-1", "3", "10"), [1, 2, 1, 0]),
        (np.array([0.0, 1.0, 1.0, 0.0]), ("0", "1"), [0, 1, 1, 0]),
        (np.array([False, True, True, False]), ("False", "True"), [0, 1, 1, 0]),
        (np.array(["well", "ill", "ill", "well"]), ("ill", "well"), [1, 0, 0, 1]),
        (np.array([b"b", b"a", b"a", b"b"]), ("a", "b"), [1, 0, 0, 1]),
        (np.array(["10", "9", "9", "10"]), ("9", "10"), [1, 0, 0, 1]),
    ],
)
def test_labels_of_any_type_become_classes(
    tmp_path: Path, y: np.ndarray, classes: tuple[str, ...], labels: list[int]
) -> None:
    dataset = sent(tmp_path, X, y)
    assert (dataset.classes, dataset.y.tolist()) == (classes, labels)
    assert dataset.y.dtype == np.int64


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (X.astype(complex), Y, "/file: x must hold real numbers, not complex128"),
        (X.astype(str), Y, "/file: x must hold real numbers, not <U"),
        (X, Y.astype("m8[s]"), "/file: y must hold numbers or short strings"),
        (X, np.eye(4), "/file: y must have shape (n,), not (4, 4)"),
        (X, np.eye(4, dtype=np.int64), "/file: y must have shape (n,), not (4, 4)"),
        (X, np.arange(4).reshape(4, 1), "/file: y must have shape (n,), not (4, 1)"),
        (X, Y[:3], "/file: x and y must have as many rows, not shapes (4, 6) and (3,)"),
        (X[:, :0], Y, "/file: x has shape (4, 0): there is nothing in it"),
        (np.where(X == 5, np.nan, X), Y, "/file: x holds NaN, infinite or too large values"),
        (np.where(X == 5, -np.inf, X), Y, "/file: x holds NaN, infinite or too large values"),
        (np.where(X == 5, 1e39, X), Y, "/file: x holds NaN, infinite or too large values"),
        (X, np.array([0, 1, np.nan, 1]), "/file: y has rows without a label"),
        (X, np.array(["a", "", "b", "b"]), "/file: y has rows without a label"),
        (X, np.array([b"\xff", b"a", b"a", b"a"]), "/file: y holds strings that aren't text"),
        (X, np.array(["\ud800", "a", "a", "a"]), "/file: y holds '\\ud800'"),
        (X, np.array(["", "", "", ""]).astype("<U0"), "/file: y "),
        (X, np.zeros(4), "/file: y has one class only, '0'"),
        (np.zeros((101, 1)), np.arange(101).astype(str), "/file: y has more than 100 distinct"),
        (X, np.array([0.5, np.nan, 1, 2]), "/file: y has rows without a label"),
        (X, np.array([[0.5, 1], [np.inf, 1], [1, 1], [2, 3]]), "/file: y holds NaN, infinite"),
        (X[0], Y[:1], "/file: x and y must have as many rows"),
        (X[:, 0], Y, "/file: x must have 2 dimensions"),
    ],
)
def test_arrays_that_make_no_dataset_are_refused(
    tmp_path: Path, x: np.ndarray, y: np.ndarray, sentence: str
) -> None:
    assert refusal(archive(tmp_path / "a.npz", x=npy(x), y=npy(y))).startswith(sentence)


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_a_kind_of_other_dimensions_is_refused(tmp_path: Path, kind: str) -> None:
    x = X if kind == "image" else X.reshape(4, 3, 2)
    path = archive(tmp_path / "a.npz", x=npy(x), y=npy(Y))
    assert refusal(path, kind).startswith(f"/kind: {kind} data has")


def test_python_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, ("raise SystemExit('unpickled')",))

    objects = np.array([Bomb(), None, None, None], dtype=object)
    for members in ({"x": npy(X), "y": npy(objects)}, {"x": npy(objects), "y": npy(Y)}):
        found = refusal(archive(tmp_path / "a.npz", **members))
        assert "holds Python objects, which are never loaded" in found


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"y": npy(Y)}, "the archive must hold x, most often y, and lengths"),
        ({"x": npy(X), "y": npy(Y), "z": npy(Y)}, "the archive must hold x, most often y"),
        ({"x": b"x" * 90, "y": npy(Y)}, "x has no header that numpy writes"),
        ({"x": b"", "y": npy(Y)}, "x has no header that numpy writes"),
        ({"x": npy(X)[:-1], "y": npy(Y)}, "x's header claims 192 bytes, shape (4, 6), but 191"),
        ({"x": npy(X) + b"0", "y": npy(Y)}, "x's header claims 192 bytes, shape (4, 6), but 193"),
    ],
)
def test_what_is_no_pair_of_arrays_is_refused(
    tmp_path: Path, members: dict[str, bytes], sentence: str
) -> None:
    assert refusal(archive(tmp_path / "a.npz", **members)).startswith(f"/file: {sentence}")


@pytest.mark.parametrize(
    "claim",
    [
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000, 1), }"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -6), }"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (9" + "0" * 4000 + ", 1), }"),
        header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4, 6), }"),
        header("{'descr': ('<f4', (500000000,)), 'fortran_order': False, 'shape': (4, 6), }"),
        header("__import__('os')"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,) * 9, }"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (1" + ",1" * 4000 + "), }"),
        header("(" * 9000),
        header("-" * 9000 + "1"),
        header("'" + "x" * 20_000 + "'"),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{}",
        b"\x93NUMPY\x03\x00" + header("{}", b"\x02\x00")[8:],
    ],
    ids=[
        "2 GB shape",
        "negative shape",
        "shape beyond any integer",
        "structured",
        "2 GB element",
        "expression",
        "product",
        "4001 dimensions",
        "nesting",
        "signs",
        "long",
        "2 GB header",
        "version 3",
    ],
)
def test_a_header_that_claims_what_is_not_there_costs_no_memory(
    tmp_path: Path, claim: bytes
) -> None:
    path = archive(tmp_path / "a.npz", x=claim + b"\0" * 96, y=npy(Y))
    tracemalloc.start()
    try:
        assert refusal(path).startswith("/file: x")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def zeros(count: int) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 1), }}"
    return header(text) + b"\0" * count


def test_what_expands_a_thousand_times_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, x=zeros(20 << 20), y=npy(Y))
    assert refusal(path).startswith("/file: x expands more than 200 times")


def test_small_arrays_may_expand_as_much_as_they_like(tmp_path: Path) -> None:
    labels = npy(np.arange(1 << 20) % 2)
    path = archive(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, x=zeros(1 << 20), y=labels)
    assert inspect(path).rows == 1 << 20


def patched(path: Path, offset: int, value: bytes, entry: int = 0) -> Path:
    """`path` with bytes of an entry of its directory replaced."""
    content = bytearray(path.read_bytes())
    at = -1
    for _ in range(entry + 1):
        at = content.index(b"PK\x01\x02", at + 1)
    content[at + offset : at + offset + len(value)] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("offset", "value", "sentence"),
    [
        (24, struct.pack("<L", MAX_BYTES + 1), "x is 1024 MiB, more than 1024"),
        (24, struct.pack("<L", 200), "the archive is damaged"),
        (8, b"\x01\x00", "x is encrypted"),
        (10, struct.pack("<H", zipfile.ZIP_LZMA), "x isn't compressed as numpy does"),
        (16, b"\0\0\0\0", "the archive is damaged: Bad CRC-32"),
        (42, b"\xff\xff\xff\xff", "the archive is damaged"),
        (46, b"z.npy", "the archive must hold x, most often y"),
    ],
    ids=["too large", "lies on its size", "encrypted", "lzma", "checksum", "place", "name"],
)
def test_a_directory_that_lies_is_refused(
    tmp_path: Path, offset: int, value: bytes, sentence: str
) -> None:
    path = patched(archive(tmp_path / "a.npz", x=npy(X), y=npy(Y)), offset, value)
    assert refusal(path).startswith(f"/file: {sentence}")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = patched(archive(tmp_path / "a.npz", x=npy(X), y=npy(Y), z=npy(Y)), 46, b"y.npy", 2)
    assert refusal(path).startswith("/file: the archive must hold x, most often y")


def test_a_member_that_ends_early_is_refused(tmp_path: Path) -> None:
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (9999, 6), }"
    path = archive(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, x=header(text) + npy(X), y=npy(Y))
    size = struct.pack("<L", len(header(text)) + 9999 * 6 * 8)
    assert refusal(patched(path, 24, size)).startswith("/file: ")


@pytest.mark.parametrize(
    "content",
    [b"", b"x,y\n1,2\n", npy(X), b"PK\x05\x06" + b"\0" * 18 + b"more", b"PK\x05\x06" * 99],
    ids=["empty", "text", "npy", "comment", "garbage"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert refusal(path).startswith("/file: ")


def test_an_archive_of_very_many_members_is_refused_by_its_directory_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", **{f"member{i}": b"" for i in range(200)})
    assert refusal(path) == "/file: the archive has too many members; save x and y alone"


def sequences(path: Path, **members: np.ndarray) -> tuple[DatasetInfo, Dataset]:
    np.savez(path / "s.npz", **members)
    info = inspect(path / "s.npz", "sequence")
    return info, load_file(path / "s.npz", info, DataChoice(task=info.tasks[0]))


@pytest.mark.parametrize("how", ["lengths", "NaN"])
def test_sequences_may_end_early(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasearch.models.datasets.npz_archive._BLOCK", 100)  # many blocks
    x = np.arange(48, dtype=np.float64).reshape(8, 3, 2)
    lengths = np.array([3, 1, 2, 3, 3, 2, 1, 3])
    ended = np.arange(3) >= lengths[:, None]
    x[ended] = 7 if how == "lengths" else np.nan
    members = {"lengths": lengths} if how == "lengths" else {}
    info, dataset = sequences(tmp_path, x=x, y=np.array([0, 1] * 4), **members)
    assert info.shape == (3, 2)
    assert (dataset.x[ended] == np.float32(PADDING)).all()
    np.testing.assert_array_equal(dataset.x[~ended], x[~ended])
    assert has_padding(dataset.x)


def test_a_class_a_step_is_none_where_the_sequence_has_ended(tmp_path: Path) -> None:
    x, y = np.ones((4, 3, 1)), np.array([[2, 3, 3], [3, 0, 0], [2, 2, -1], [3, 2, 3]])
    info, dataset = sequences(tmp_path, x=x, y=y, lengths=np.array([3, 1, 2, 3]))
    assert (info.tasks, info.target_shape) == (("step_labelling",), (3,))
    assert dataset.classes == ("0", "2", "3")
    assert dataset.y is not None
    assert dataset.y.tolist() == [[1, 2, 2], [2, -1, -1], [1, 1, -1], [2, 1, 2]]
    assert dataset.labels is None


@pytest.mark.parametrize(
    ("y", "tasks", "shape"),
    [
        (np.array([0.5, 1.5, 0.5, 1]), ("classification", "regression"), ()),
        (np.linspace(0, 1, 24), ("regression",), ()),
        (np.arange(120), ("regression",), ()),
        (np.linspace(0, 1, 48).reshape(24, 2), ("regression",), (2,)),
        (np.arange(48).reshape(24, 2), ("regression",), (2,)),
        (np.arange(48, dtype=np.uint8).reshape(24, 2), ("regression",), (2,)),
    ],
)
def test_numbers_are_a_target_too(
    tmp_path: Path, y: np.ndarray, tasks: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, x=np.ones((len(y), 5)), y=y)
    info = inspect(path)
    assert (info.tasks, info.target_shape) == (tasks, shape)
    dataset = load_file(path, info, DataChoice(task="regression"))
    assert dataset.y is not None
    assert dataset.y.dtype == np.float32
    np.testing.assert_allclose(dataset.y, y, rtol=1e-6)


def test_without_y_rows_are_all_there_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=X)
    info = inspect(tmp_path / "s.npz")
    assert (info.target, info.tasks) == (None, ())
    assert load_file(tmp_path / "s.npz", info, DataChoice(task="reconstruction")).y is None


@pytest.mark.parametrize(
    ("x", "lengths", "sentence"),
    [
        ([[[1], [np.nan], [1]]] * 4, None, "x has NaN within a sequence"),
        ([[[np.nan], [1], [1]]] * 4, None, "x has NaN within a sequence"),
        ([[[1, np.nan], [1, 1]]] * 4, None, "x holds NaN, infinite"),
        ([[[1], [1], [np.nan]]] * 4, [3, 3, 3, 3], "x holds NaN, infinite"),
        ([[[1], [1]]] * 4, [1, 2, 3, 1], "lengths must be from 1 to 2"),
        ([[[1], [1]]] * 4, [1, 2, 1], "x and lengths must have as many rows"),
        ([[[1], [1]]] * 4, [1.5, 2, 1, 1], "lengths must be whole numbers"),
    ],
)
def test_a_sequence_ends_once(
    tmp_path: Path, x: list[object], lengths: list[float] | None, sentence: str
) -> None:
    members = {} if lengths is None else {"lengths": np.array(lengths)}
    np.savez(tmp_path / "s.npz", x=np.array(x), y=Y, **members)
    assert refusal(tmp_path / "s.npz", "sequence").startswith(f"/file: {sentence}")


def test_inspecting_holds_a_block_and_loading_two_copies_at_most(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(8, 1 << 19)).astype(np.float32)  # 16 MiB
    path = tmp_path / "a.npz"
    np.savez(path, x=np.asfortranarray(x), y=[0, 1] * 4)

    tracemalloc.start()
    try:
        info = inspect(path)
        inspected = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        load_file(path, info, DataChoice())
        loaded = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert inspected < 12 << 20
    assert loaded < 2 * x.nbytes + (4 << 20)
