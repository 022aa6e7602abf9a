from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from kerasearch.service.cli import app

SCRIPTS = Path(__file__).parents[1] / "hyperas" / "scripts"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["import-hyperas", *map(str, arguments)])


def test_import_hyperas_prints_the_jobs_file_and_says_what_to_look_at(tmp_path: Path) -> None:
    done = run(SCRIPTS / "layers_between.py", "-o", tmp_path / "plugins")
    assert done.exit_code == 0
    assert done.stdout == f"{tmp_path}/plugins/layers_between_search.yaml\n"
    assert "line 12: left out, for nothing needs it: open(" in done.stderr
    assert f"kerasearch serve --plugins {tmp_path}/plugins" in done.stderr
    names = sorted(path.name for path in (tmp_path / "plugins").iterdir())
    assert names == ["IMPORT_REPORT.md", "layers_between_search.py", "layers_between_search.yaml"]


def test_import_hyperas_that_can_make_nothing_exits_1_and_writes_nothing(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("x = 1\n")
    done = run(script, "-o", tmp_path / "plugins")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{script}: no call of hyperas's optim.minimize")
    assert not (tmp_path / "plugins").exists()


def test_run_tells_how_to_start_a_server_that_has_the_folder(
    http: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERASEARCH_URL", str(http.base_url))
    done = run(SCRIPTS / "layers_between.py", "-o", tmp_path, "--run")
    assert done.exit_code == 1
    assert done.stdout == ""
    serving = f"kerasearch serve --plugins {tmp_path}"
    assert f"the server must have this folder as its plugins: {serving}" in done.stderr
    assert (tmp_path / "layers_between_search.yaml").exists()
