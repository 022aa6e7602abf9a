"""Files that people write: a job, a space or params as YAML 1.2, JSON or TOML."""

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

SIZE_LIMIT = 1 << 20
NODE_LIMIT = 100_000  # a kilobyte of YAML aliases can stand for any number of values
DEPTH_LIMIT = 40

Document = dict[str, object]


class JobFileError(Exception):
    """The file can't be read; the message says which, and where in it."""


def read_job_file(path: Path) -> Document:
    """The mapping in a file, of values that JSON has.

    Raises:
        JobFileError: Not there, too large, of another format, or not a mapping of such values.
    """
    formats = {".yaml": _load_yaml, ".yml": _load_yaml, ".json": _load_json, ".toml": _load_toml}
    load = formats.get(path.suffix.lower())
    if load is None:
        raise JobFileError(f"{path}: the name must end in one of {', '.join(formats)}")
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
        if len(content) > SIZE_LIMIT:
            raise JobFileError(f"{path}: larger than {SIZE_LIMIT:,} bytes, so it is no job file")
        document = _checked(load, content.decode())
    except OSError as error:
        raise JobFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise JobFileError(f"{path}: not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise JobFileError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise JobFileError(f"{path}: must hold a mapping of names to values")
    return document


def override(document: Mapping[str, object], assignment: str) -> Document:
    """`document` with one value replaced: `search.seed=3`, the value read as YAML.

    Raises:
        JobFileError: No such form, or the path leads through a value that holds no others.
    """
    path, equals, text = assignment.partition("=")
    if not equals or not all(path.split(".")):
        raise JobFileError(f"--set {assignment}: must be like search.seed=3")
    try:
        value = _checked(str if text.startswith("{{") else _load_yaml, text)  # a Hyperas string
        return _replace(document, path.split("."), value)
    except ValueError as error:
        raise JobFileError(f"--set {assignment}: {error}") from error


def path_in_file(pointer: str) -> str:
    """A JSON pointer as people write a place in a file: `space.units.low`, `data.drop[1]`.

    >>> path_in_file("/data/drop/1")
    'data.drop[1]'
    """
    path = ""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        path += f"[{name}]" if name.isdecimal() else f".{name}"
    return path.removeprefix(".")


def _replace(document: Mapping[str, object], path: list[str], value: object) -> Document:
    name, *rest = path
    if rest:
        inner = document.get(name, {})
        if not isinstance(inner, Mapping):
            raise ValueError(f"{name} is {inner!r}, which holds no {rest[0]}")
        value = _replace(inner, rest, value)
    return {**document, name: value}


def _checked(load: Callable[[str], object], text: str) -> object:
    try:
        document = load(text)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels") from None
    _check(document)
    return document


def _load_yaml(text: str) -> object:
    try:
        # Only the Python parser reads YAML 1.2, where 1e-6 is a number and `no` a word.
        document: object = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        if "{{" in "".join(text.splitlines()[mark.line : mark.line + 1]):
            problem += '; a Hyperas string needs quotes: "{{...}}"'
        _fail_at(mark.line + 1, mark.column + 1, problem)
    except YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    return document


def _load_json(text: str) -> object:
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        _fail_at(error.lineno, error.colno, error.msg)
    return document


def _load_toml(text: str) -> object:
    return tomllib.loads(text)  # its errors say line and column


def _fail_at(line: int, column: int, problem: str) -> NoReturn:
    raise ValueError(f"line {line}, column {column}: {problem}")


def _check(document: object) -> None:
    """Refuse what JSON doesn't have, which each of the formats lets through in its own way."""
    left: list[tuple[object, str, int]] = [(document, "", 0)]
    for _ in range(NODE_LIMIT):
        if not left:
            return
        value, path, depth = left.pop()
        if depth > DEPTH_LIMIT:
            raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels")
        where = path.removeprefix(".") or "the document"
        if isinstance(value, dict):
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise ValueError(f'{where}: a name is text: quote it as "{name}"')  # noqa: TRY004
                left.append((inner, f"{path}.{name}", depth + 1))
        elif isinstance(value, list):
            left += [(inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where}: must be a finite number, not {value}")
        elif value is not None and not isinstance(value, (str, bool, int, float)):
            raise ValueError(f'{where}: neither text, number nor boolean: quote it as "{value}"')
    raise ValueError(f"holds more than {NODE_LIMIT:,} values")
