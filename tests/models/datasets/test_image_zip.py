"""Archives of pictures: what they are taken for, and what is refused by its name."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasearch.models.datasets import DataChoice, Schema, images, inspect_file, load_file
from kerasearch.models.datasets.images import StreamedImages
from kerasearch.searchspaces.problems import InvalidInput


def picture(
    value: int = 128, size: tuple[int, int] = (12, 10), mode: str = "L", to: str = "PNG"
) -> bytes:
    content = io.BytesIO()
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(content, to)
    return content.getvalue()


def noise() -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (30, 30), np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def archive(folder: Path, members: Mapping[str, bytes]) -> Path:
    path = folder / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


GOOD = {
    "cats/1.png": picture(10),
    "cats/2.png": picture(20),
    "dogs/1.jpg": picture(200, to="JPEG"),
}


def look(path: Path, schema: Schema | None = None):
    return inspect_file(path, "pictures.zip", None, schema or Schema())


def refusal(path: Path, schema: Schema | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        look(path, schema)
    (problem,) = caught.value.problems
    return f"{problem.pointer}: {problem.detail}"


def test_folders_are_classes_and_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    path = archive(tmp_path, {**GOOD, "__MACOSX/cats/1.png": b"", "dogs/.DS_Store": b""})
    info = look(path)
    assert info.class_counts == {"cats": 2, "dogs": 1}
    assert info.shape == (10, 12, 1)
    assert info.warnings == ()
    dataset = load_file(path, info, DataChoice())
    assert dataset.y is not None
    assert dataset.y.tolist() == [0, 0, 1]
    np.testing.assert_allclose(dataset.x.mean(axis=(1, 2, 3)), [10, 20, 200], atol=1)


def test_a_folder_around_the_classes_does_not_count(tmp_path: Path) -> None:
    path = archive(tmp_path, {f"animals/{name}": content for name, content in GOOD.items()})
    assert look(path).class_counts == {"cats": 2, "dogs": 1}


def test_pictures_of_several_sizes_are_resized_and_that_is_said(tmp_path: Path) -> None:
    red = picture(250, (30, 20), "RGB")
    path = archive(tmp_path, {**GOOD, "dogs/2.png": red})
    info = look(path)
    assert info.shape == (64, 64, 3)
    assert "2 sizes: all are resized to 64 x 64" in info.warnings[0]
    info = look(path, Schema(size=(8, 6)))
    assert (info.shape, info.warnings) == ((8, 6, 3), ())
    assert load_file(path, info, DataChoice()).x[-1, 0, 0].tolist() == [250, 0, 0]


def test_pictures_of_one_size_are_kept_unless_they_are_large_or_it_is_said(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a/1.png": picture(), "b/1.png": picture()})
    info = look(path, Schema(size=(5, 6)))
    assert (info.shape, info.warnings) == ((5, 6, 1), ())
    large = picture(size=(600, 10))
    (told,) = look(archive(tmp_path, {"a/1.png": large, "b/1.png": large})).warnings
    assert (
        told
        == "pictures are 10 x 600: all are resized to 64 x 64 pixels; say size to choose another"
    )


def huge_png() -> bytes:
    """Its header promises 100,000 x 100,000 pixels."""
    content = bytearray(picture())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("../cats/3.png", picture(), "'../cats/3.png' would lead out of the archive"),
        ("/cats/3.png", picture(), "would lead out"),
        ("cats\\..\\..\\3.png", picture(), "would lead out"),
        ("cats/3.png", noise()[:300], "'cats/3.png' is no whole PNG or JPEG picture"),
        ("cats/3.png", b"GIF89a" + bytes(40), "JPEG picture: its content is of another format"),
        ("cats/3.png", huge_png(), "'cats/3.png'"),
        ("cats/notes.txt", b"hello", "'cats/notes.txt' is no PNG or JPEG file"),
        ("3.png", picture(), "'3.png' isn't in a folder that names its class"),
        ("cats/old/3.png", picture(), "isn't in a folder that names its class"),
        ("cats/3.png", bytes(65 << 20), "unpacks to 68,157,440 bytes"),
    ],
)
def test_a_member_that_is_no_good_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    told = refusal(archive(tmp_path, {**GOOD, name: content}))
    assert told.startswith("/file: ")
    assert said in told


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, GOOD)
    with zipfile.ZipFile(path, "a") as made:
        link = zipfile.ZipInfo("cats/3.png")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    assert "'cats/3.png' is a link" in refusal(path)


def test_what_is_no_archive_or_holds_one_class_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    path.write_bytes(b"PK no zip")
    assert "no whole zip archive" in refusal(path)
    assert "nothing to tell apart" in refusal(archive(tmp_path, {"cats/1.png": picture()}))
    assert "holds no picture" in refusal(archive(tmp_path, {}))


def test_a_size_is_for_pictures_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,label\n1,x\n2,y\n")
    with pytest.raises(InvalidInput) as caught:
        inspect_file(path, "table.csv", None, Schema(size=(8, 8)))
    assert caught.value.problems[0].pointer == "/schema/size"


def test_many_pictures_are_read_as_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path, GOOD)
    info = look(path)
    whole = load_file(path, info, DataChoice())
    monkeypatch.setattr(images, "IN_MEMORY_BYTES", 100)
    streamed = load_file(path, info, DataChoice())
    assert isinstance(streamed.x, StreamedImages)
    rows = np.array([2, 0])
    some = streamed.prepared(rows, "classification", {}).examples(rows)
    assert isinstance(some.x, StreamedImages)
    np.testing.assert_array_equal(some.x[:], whole.x[[2, 0]])
    assert some.y.tolist() == [1, 0]
