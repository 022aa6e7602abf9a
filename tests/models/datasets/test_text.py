from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.datasets import Schema, inspect_file, load_file
from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.padding import NO_LABEL
from kerasearch.models.datasets.text import Text, characters_of, code_points, encode
from kerasearch.models.datasets.timeline import CannotCut
from kerasearch.searchspaces.problems import InvalidInput

EVERYTHING = np.arange(12)


def test_each_step_is_told_the_character_after_it_and_no_window_overlaps_another() -> None:
    text = Text("text", code_points("abcabcabcabc"), None)
    prepared = text.prepared(EVERYTHING, "step_labelling", {"window": 4})
    x, y, _ = prepared.examples(EVERYTHING)
    assert prepared.classes == ("a", "b", "c")
    np.testing.assert_array_equal(x, [[0, 1, 2, 0], [1, 2, 0, 1]])
    np.testing.assert_array_equal(y, [[1, 2, 0, 1], [2, 0, 1, 2]])


def test_the_vocabulary_is_of_the_train_part_and_others_are_read_but_never_told() -> None:
    text = Text("text", code_points("ababab" + "a€b😀ab"), None)
    prepared = text.prepared(EVERYTHING[:6], "step_labelling", {"window": 5})
    x, y, _ = prepared.examples(EVERYTHING[6:])
    assert prepared.symbols == 3
    np.testing.assert_array_equal(x, [[0, 2, 1, 2, 0]])
    np.testing.assert_array_equal(y, [[NO_LABEL, 1, NO_LABEL, 0, 1]])


def test_of_too_many_characters_the_frequent_ones_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kerasearch.models.datasets.text.MAX_VOCABULARY", 2)
    text = Text("text", code_points("abcacb aaacc"), None)
    prepared = text.prepared(EVERYTHING, "step_labelling", {"window": 5})
    assert prepared.description["vocabulary"] == "ac"


def test_a_part_shorter_than_a_window_is_told() -> None:
    prepared = Text("text", code_points("abababababab"), None).prepared(
        EVERYTHING, "step_labelling", {"window": 12}
    )
    with pytest.raises(CannotCut, match="12 characters have no room for a window of 12"):
        prepared.examples(EVERYTHING)


def test_code_points_give_back_every_character() -> None:
    text = "naïve € 😀\n\t"
    assert characters_of(code_points(text)) == text
    assert encode("abz", "ab").tolist() == [0, 1, 2]


def read(tmp_path: Path, content: bytes) -> Text:
    path = tmp_path / "data.txt"
    path.write_bytes(content)
    info = inspect_file(path, "data.txt", "text", Schema())
    text = load_file(path, info, DataChoice())
    assert info.rows == len(text)
    assert isinstance(text, Text)
    return text


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    assert characters_of(read(tmp_path, "Ünd\r\n  so\n".encode()).x) == "Ünd\r\n  so\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "fewer than two different characters"),
        (b"aaaa", "fewer than two different characters"),
        (b"ab\0c", "NUL"),
        (b"ab\xff", "byte 0xff is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refused:
        read(tmp_path, content)
    assert refused.value.problems[0].pointer == "/file"


def test_a_file_of_that_ending_is_a_table_unless_its_kind_is_said(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("a,b\n1,2\n3,4\n")
    assert inspect_file(path, "data.txt", None, Schema()).kind == "tabular"
