import hashlib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from kerasearch.models.plugins.recorded import Recording
from kerasearch.models.plugins.recording import record

COUNT = iter(range(10_000))  # a process executes each module's name once

Write = Callable[[str], Path]
Record = Callable[[str], Recording]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a plugin, under a name that no other test has."""

    def write(source: str) -> Path:
        path = tmp_path / f"plugin_{next(COUNT)}.py"
        path.write_text("import keras\nimport keras_tuner as kt\n" + dedent(source))
        return path

    return write


def _recorded(path: Path) -> Recording:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return record(path, sha256, path.with_suffix(".npz"))


@pytest.fixture
def record_source(write: Write) -> Record:
    """Records what a plugin of this source offers."""
    return lambda source: _recorded(write(source))


@pytest.fixture
def recorded() -> Callable[[Path], Recording]:
    return _recorded
