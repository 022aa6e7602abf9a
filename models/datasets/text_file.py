"""Text files, UTF-8, as they are: nothing is lower-cased, stripped or left out."""

from collections.abc import Iterator
from pathlib import Path

from kerasearch.models.datasets.choice import DataChoice
from kerasearch.models.datasets.info import DatasetInfo, Kind, Schema
from kerasearch.models.datasets.text import MAX_VOCABULARY, Text, code_points
from kerasearch.searchspaces.problems import InvalidInput

_BLOCK = 1 << 20  # characters


def inspect(path: Path, kind: Kind | None, schema: Schema) -> DatasetInfo:
    """How much text there is, read as a stream.

    Raises:
        InvalidInput: At `/file` or `/schema`.
    """
    if schema != Schema():
        raise InvalidInput.at("/schema", "a text takes no schema: the next character is the target")
    characters, alphabet = 0, set[str]()
    for block in _blocks(path):
        characters += len(block)
        alphabet.update(block)
    if "\0" in alphabet:
        raise InvalidInput.at("/file", "it holds a NUL character: save the file as UTF-8 text")
    if len(alphabet) < 2:
        raise InvalidInput.at("/file", "it holds fewer than two different characters: send a text")
    warnings = []
    if len(alphabet) > MAX_VOCABULARY:
        warnings.append(
            f"it holds {len(alphabet)} different characters; a model knows the {MAX_VOCABULARY} "
            "most frequent ones of its train part, the others count as unknown"
        )
    return DatasetInfo(
        format="text",
        kind="text",
        rows=characters,
        shape=(),
        target="y",
        class_counts=None,
        tasks=("step_labelling",),
        warnings=tuple(warnings),
    )


def load(path: Path, info: DatasetInfo, choice: DataChoice) -> Text:
    return Text("text", code_points("".join(_blocks(path))), None)


def _blocks(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while block := file.read(_BLOCK):
                yield block
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InvalidInput.at(
            "/file", f"byte 0x{byte:02x} is not UTF-8: save the file as UTF-8 text"
        ) from error
