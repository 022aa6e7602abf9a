"""No Docker engine runs here: what the files in docker/ name is looked up, or run without one."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
import typer
from ruamel.yaml import YAML

from kerasearch.service import cli, supervisor
from kerasearch.service.routes import health
from kerasearch.service.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"


class Instruction(NamedTuple):
    stage: str
    name: str
    text: str


def instructions() -> list[Instruction]:
    """Of the Dockerfile, each with the stage that it belongs to."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    found, stage = [], ""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            if name == "FROM":
                stage = rest.split(" AS ")[1]
            found.append(Instruction(stage, name, rest.strip()))
    return found


INSTRUCTIONS = instructions()


def all_of(name: str) -> list[Instruction]:
    return [instruction for instruction in INSTRUCTIONS if instruction.name == name]


def the(name: str) -> Instruction:
    (only,) = all_of(name)
    return only


def copied_from_here() -> list[str]:
    return [
        source
        for copy in all_of("COPY")
        if "--from=" not in copy.text
        for source in copy.text.split()[:-1]
    ]


def compose() -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = YAML(typ="safe").load(DOCKER / "compose.yaml")
    return loaded


def test_both_images_are_there_and_each_stage_stands_on_python_or_an_earlier_stage() -> None:
    earlier: set[str] = set()
    for stage in all_of("FROM"):
        below, _, name = stage.text.partition(" AS ")
        assert below in earlier | {"python:3.11-slim", "scratch"}
        earlier.add(name)
    assert {"cpu", "gpu"} < earlier
    assert all_of("FROM")[-1].stage == "cpu"  # where no target is given


def test_a_stage_copies_only_from_earlier_ones() -> None:
    stages = [stage.stage for stage in all_of("FROM")]
    for copy in all_of("COPY"):
        if source := re.search(r"--from=(\S+)", copy.text):
            assert stages.index(source[1]) < stages.index(copy.stage)


def test_every_path_that_is_copied_exists_and_is_let_through_alone() -> None:
    rules = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    let_through = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert let_through == set(copied_from_here())
    assert all((ROOT / path).exists() for path in let_through)


@pytest.mark.parametrize("processor", ["cpu", "gpu"])
def test_dependencies_come_from_the_lock_by_their_hashes_and_nothing_else_does(
    processor: str,
) -> None:
    lock = f"requirements/{processor}.txt"
    installs = [shlex.split(run.text) for run in all_of("RUN") if run.stage == f"build-{processor}"]
    assert installs == [
        ["pip", "install", "--require-hashes", "-r", lock],
        ["pip", "install", "--no-deps", "--no-build-isolation", "."],
    ]
    locked = (ROOT / lock).read_text()
    tensorflow = {"cpu": "tensorflow-cpu", "gpu": "tensorflow"}[processor]
    for package in (tensorflow, "setuptools", "keras", "mlflow"):
        assert re.search(rf"^{package}(\[.*\])?==\S+ \\\n    --hash=sha256:", locked, re.MULTILINE)


def test_no_index_is_named() -> None:
    for file in DOCKER.iterdir():
        hosts = re.findall(r"https?://([^/:\s]+)", file.read_text())
        assert set(hosts) <= {"127.0.0.1"}
        assert "--index-url" not in file.read_text()


def test_what_is_copied_builds_the_whole_package(tmp_path: Path) -> None:
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    for path in copied_from_here():
        if (ROOT / path).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / path, source / path, ignore=ignored)
        else:
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, source / path)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--no-deps", "-w", wheels, source], check=True)
    (wheel,) = wheels.iterdir()
    shutil.unpack_archive(wheel, tmp_path / "unpacked", "zip")
    packaged = {p.relative_to(tmp_path / "unpacked") for p in tmp_path.glob("unpacked/**/*.py")}
    assert packaged == {
        "kerasearch" / file.relative_to(ROOT)
        for package in ("searchspaces", "models", "service")
        for file in (ROOT / package).rglob("*.py")
    }


def test_the_command_is_one_that_the_package_installs_with_options_that_it_has() -> None:
    command, subcommand, *options = json.loads(the("CMD").text)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts[command] == "kerasearch.service.cli:app"
    known = typer.main.get_command(cli.app)
    context = known.make_context(command, [subcommand, *options], resilient_parsing=True)
    serve = known.get_command(context, subcommand)  # type: ignore[attr-defined]
    parsed = serve.make_context(subcommand, options).params
    assert parsed["data_dir"] == Path(the("VOLUME").text)
    assert parsed["host"] is None
    assert parsed["port"] is None


def test_the_volume_belongs_to_the_user_who_serves_who_is_not_root() -> None:
    user, volume = the("USER").text, the("VOLUME").text
    (made,) = (run.text for run in all_of("RUN") if run.stage == "service")
    assert user != "root"
    assert f"useradd --create-home {user}" in made
    assert f"install -d -o {user} -g {user} {volume}" in made


class OnlyHealthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_health_check_asks_the_service_where_it_is() -> None:
    assert any(route.path == "/healthz" for route in health.router.routes)  # type: ignore[attr-defined]
    _, _, command = the("HEALTHCHECK").text.partition(" CMD ")
    python, *asking = json.loads(command)
    assert python == "python"
    port = Settings.model_fields["port"].default
    with HTTPServer(("127.0.0.1", 0), OnlyHealthy) as server:
        Thread(target=server.serve_forever).start()
        for there, state in ((server.server_port, 0), (1, 1)):
            elsewhere = [part.replace(f"1', {port}", f"1', {there}") for part in asking]
            assert elsewhere != asking
            found = subprocess.run([sys.executable, *elsewhere], capture_output=True, check=False)
            assert found.returncode == state
        server.shutdown()


def test_compose_builds_an_image_that_there_is_and_keeps_its_data() -> None:
    (service,) = compose()["services"].values()
    build = service["build"]
    assert isinstance(build, dict)
    context = (DOCKER / build["context"]).resolve()
    assert context == ROOT
    assert context / build["dockerfile"] == DOCKER / "Dockerfile"
    assert build["target"] in {stage.stage for stage in all_of("FROM")}
    assert service["volumes"] == [f"{next(iter(compose()['volumes']))}:{the('VOLUME').text}"]


def test_compose_serves_on_the_host_s_loopback_and_lets_the_service_end_itself() -> None:
    (service,) = compose()["services"].values()
    assert service["network_mode"] == "host"
    assert "ports" not in service  # Docker ignores them on the host's network
    grace_s = int(str(service["stop_grace_period"]).removesuffix("s"))
    assert grace_s > supervisor.GRACE_S
