"""A file is whole or not there, and nothing outside a folder is reached from it."""

import csv
import hashlib
import json
import os
from pathlib import Path

import pytest

from kerasearch.service.errors import Unavailable
from kerasearch.service.files import (
    holds,
    inside,
    listing,
    sha256_of,
    write_csv,
    write_json,
    write_text,
    written_whole,
)


def test_a_file_appears_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "model.keras"
    with written_whole(path) as temporary:
        assert temporary.suffix == path.suffix
        temporary.write_text("half")
        assert not path.exists()
        assert listing(path.parent) == []
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def _fail_in_the_middle(path: Path) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _fail_in_the_middle(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_in_the_middle_leaves_the_earlier_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "earlier")
    with pytest.raises(ZeroDivisionError):
        _fail_in_the_middle(tmp_path / "a.txt")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "earlier")]


def test_a_full_disk_is_told_and_leaves_the_earlier_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "earlier")
    # What is written to its temporary name goes where there is no room.
    (tmp_path / f".{os.getpid()}.a.txt").symlink_to("/dev/full")
    with pytest.raises(Unavailable, match=r"the disk of .* is full"):
        write_text(tmp_path / "a.txt", "later")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "earlier")]


def test_a_file_that_is_altered_no_longer_holds_what_it_did(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "content")
    digest = sha256_of(tmp_path / "a")
    assert holds(tmp_path / "a", digest)
    (tmp_path / "a").write_text("CONTENT")
    assert not holds(tmp_path / "a", digest)
    write_text(tmp_path / "a", "content")
    assert holds(tmp_path / "a", digest)


def test_a_block_that_writes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_text_json_and_csv_are_read_back(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "größer\n")
    write_json(tmp_path / "a.json", {"a": [1, None]})
    write_csv(tmp_path / "a.csv", [["a,b", 1], ["c", 2.5]])
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "größer\n"
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1, None]}
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["a,b", "1"], ["c", "2.5"]]
    assert listing(tmp_path) == ["a.csv", "a.json", "a.txt"]


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"content").hexdigest()


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert listing(tmp_path / "nowhere") == []


def test_a_file_inside_a_folder_is_found(tmp_path: Path) -> None:
    write_text(tmp_path / "job" / "plots" / "history.png", "")
    found = inside(tmp_path / "job", "plots/history.png")
    assert found == tmp_path / "job" / "plots" / "history.png"


@pytest.mark.parametrize(
    "relative",
    [
        "../secret.txt",
        "plots/../../secret.txt",
        "/etc/passwd",
        "link.txt",
        "outside/secret.txt",
        "",
        ".",
        "plots",
        "nothing.png",
        ".1234.model.keras",
        "plots/a\0b",
        "x" * 5000,
    ],
)
def test_nothing_else_is_found(tmp_path: Path, relative: str) -> None:
    folder = tmp_path / "job"
    (folder / "plots").mkdir(parents=True)
    (folder / ".1234.model.keras").write_text("half")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "outside").symlink_to(tmp_path)
    assert inside(folder, relative) is None
