import hashlib
import sys
from pathlib import Path

import pytest

from kerasearch.models.plugins.loading import PluginChangedError, load_plugin


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_plugin_is_executed_once_for_each_content(tmp_path: Path) -> None:
    path = tmp_path / "counted_plugin.py"
    path.write_text("import sys\nsys.times_executed = getattr(sys, 'times_executed', 0) + 1\n")
    first = load_plugin(path, sha256_of(path))
    assert load_plugin(path, sha256_of(path)) is first
    assert sys.times_executed == 1  # type: ignore[attr-defined]
    assert sys.modules["counted_plugin"] is first


def test_another_content_is_not_executed(tmp_path: Path) -> None:
    path = tmp_path / "changed_plugin.py"
    path.write_text("x = 1\n")
    recorded = sha256_of(path)
    path.write_text("raise SystemExit\n")
    with pytest.raises(PluginChangedError, match=r"changed_plugin\.py has changed.*put the old"):
        load_plugin(path, recorded)


def test_a_plugin_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(PluginChangedError, match=r"gone_plugin\.py is gone"):
        load_plugin(tmp_path / "gone_plugin.py", "0" * 64)


@pytest.mark.parametrize(
    ("name", "reason"), [("json", "an installed module"), ("my-model", "letters, digits")]
)
def test_a_name_that_stands_for_something_else_is_refused(
    tmp_path: Path, name: str, reason: str
) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text("raise SystemExit\n")
    with pytest.raises(ImportError, match=reason):
        load_plugin(path, sha256_of(path))


def test_a_plugin_that_fails_leaves_no_half_module(tmp_path: Path) -> None:
    path = tmp_path / "failing_plugin.py"
    path.write_text("x = 1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load_plugin(path, sha256_of(path))
    assert "failing_plugin" not in sys.modules
