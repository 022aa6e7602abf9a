"""What is declared is what is there."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def test_every_package_on_disk_is_listed() -> None:
    """setuptools finds none by itself under another import name."""
    folders = DECLARED["tool"]["setuptools"]["package-dir"]
    found = {
        ".".join([name, *init.parent.relative_to(ROOT / folder).parts])
        for name, folder in folders.items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert sorted(DECLARED["tool"]["setuptools"]["packages"]) == sorted(found)


def test_every_folder_with_modules_is_a_package() -> None:
    for folder in DECLARED["tool"]["setuptools"]["package-dir"].values():
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module


def test_links_for_type_checkers_lead_to_each_package() -> None:
    for name, folder in DECLARED["tool"]["setuptools"]["package-dir"].items():
        link = ROOT / ".ns" / Path(*name.split("."))
        assert link.resolve() == ROOT / folder


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_locked_requirements_have_hashes_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    pinned = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(pinned) > 50
    for requirement in pinned:
        assert re.match(r"[\w.\[\]-]+==", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("lock", ["cpu", "gpu", "dev"])
def test_each_lock_holds_every_dependency(lock: str) -> None:
    names = {
        _normal(line.split("==")[0])
        for line in (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    extra = "gpu" if lock == "gpu" else "cpu"
    wanted = (
        DECLARED["project"]["dependencies"] + DECLARED["project"]["optional-dependencies"][extra]
    )
    assert {_normal(re.split(r"[\[<>=!~; ]", one)[0]) for one in wanted} <= names


def _normal(name: str) -> str:
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name.split("[")[0].strip()).lower()


def test_migrations_come_with_the_installed_package() -> None:
    migrations = files("kerasearch.service.store.migrations")
    assert migrations.joinpath("env.py").is_file()
    assert [one.name for one in migrations.joinpath("versions").iterdir() if one.name[0] == "r"]
