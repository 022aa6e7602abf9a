"""What this machine offers the service, what is wrong with it, and how to mend it."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
from rich.text import Text

from kerasearch.service.client import Client
from kerasearch.service.errors import CannotServe
from kerasearch.service.ports import require_free
from kerasearch.service.splitting import remembered_split

PACKAGES = ("keras", "keras-tuner", "optuna", "hyperopt", "mlflow", "fastapi", "sqlalchemy")
TENSORFLOWS = ("tensorflow", "tensorflow-cpu")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

GIB = 2**30
SERVICE_GIB = 1.5
"""Of the API, the scheduler and MLflow together."""
SLOT_GIB = 0.8
"""Of a trial process: 680 MB when it starts, and some growth (docs/findings.md)."""

TENSORFLOW_S = 120.0

ASK_TENSORFLOW = """
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow
names = [device.device_type for device in tensorflow.config.list_physical_devices()]
print(json.dumps(names))
"""


class Check(NamedTuple):
    """One thing that was looked at; `mend` is empty where all is well."""

    name: str
    state: Literal["ok", "mended", "warn", "fail"]
    found: str
    mend: str = ""


def examine(
    data_dir: Path, host: str, port: int, plugins_dir: Path | None = None
) -> Iterator[Check]:
    """Every check, the slowest (TensorFlow's start) last."""
    yield _python()
    yield _tensorflow()
    for name in PACKAGES:
        yield _package(name)
    yield _cores(data_dir)
    yield _memory()
    yield _disk(data_dir)
    yield _data_dir(data_dir)
    yield _port(host, port)
    yield _browser()
    if plugins_dir is not None:
        yield from plugin_checks(data_dir, plugins_dir)
    yield _devices()


def line_of(check: Check) -> Text:
    """What was found, and below it how to mend it."""
    style = {"ok": "green", "mended": "green", "warn": "yellow", "fail": "red"}[check.state]
    mend = f"\n{'':19}{check.mend}" if check.mend else ""
    return Text.assemble((f"{check.state:6}", style), f"{check.name:13}{check.found}{mend}")


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _tensorflow() -> Check:
    found = [f"{name} {have}" for name in TENSORFLOWS if (have := _version(name))]
    if not found:
        mend = "pip install 'kerasearch[cpu]', or 'kerasearch[gpu]' for an NVIDIA GPU"
        return Check("tensorflow", "fail", "not installed", mend)
    if len(found) > 1:
        mend = "both write the same files: uninstall both, then install one of them"
        return Check("tensorflow", "warn", " and ".join(found), mend)
    return Check("tensorflow", "ok", found[0])


def _package(name: str) -> Check:
    found = _version(name)
    if found is None:
        return Check(name, "fail", "not installed", "pip install --force-reinstall kerasearch")
    return Check(name, "ok", found)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cores(data_dir: Path) -> Check:
    cores = len(os.sched_getaffinity(0))
    found = f"{cores}, so {cores} trials at once unless --workers says else"
    if (split := remembered_split(data_dir)) is not None:
        measured = ", ".join(f"{n}: {rate:.0f}" for n, rate in split.epochs_a_second.items())
        found += f"; `--workers auto` takes {split.workers} (epochs a second of {measured})"
    return Check("cores", "ok", found)


def _memory() -> Check:
    cores = len(os.sched_getaffinity(0))
    free = psutil.virtual_memory().available / GIB
    room = int((free - SERVICE_GIB) / SLOT_GIB)
    found = f"{free:.1f} GiB free"
    if room < 1:
        return Check("memory", "fail", found, "end other programs: one trial needs 2.3 GiB in all")
    if room < cores:
        return Check("memory", "warn", found, f"serve with --workers {room}")
    return Check("memory", "ok", found)


def _disk(data_dir: Path) -> Check:
    free = shutil.disk_usage(_existing(data_dir)).free / GIB
    found = f"{free:.1f} GiB free for {data_dir}"
    mend = "free some, or give serve another --data-dir"
    state: Literal["ok", "warn", "fail"] = "fail" if free < 0.5 else "warn" if free < 5 else "ok"
    return Check("disk", state, found, "" if state == "ok" else mend)


def _data_dir(data_dir: Path) -> Check:
    # Imported here, for it alone brings the service's own libraries.
    from kerasearch.service.supervisor import held_by

    existing = _existing(data_dir)
    try:
        with tempfile.TemporaryFile(dir=existing):
            holder = held_by(data_dir)
    except OSError as error:
        mend = f"make {existing} writable, or give serve another --data-dir"
        return Check("data folder", "fail", f"{existing}: {error.strerror}", mend)
    if holder is not None:
        mend = "use that service, stop it, or give serve another --data-dir"
        return Check("data folder", "warn", f"{data_dir} is held by {holder}", mend)
    return Check("data folder", "ok", f"{data_dir} can be written")


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _port(host: str, port: int) -> Check:
    try:
        require_free(host, port)
    except CannotServe as error:
        if _is_kerasearch(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"):
            return Check("port", "ok", f"{port}: a Kerasearch serves there already")
        found, _, _ = str(error).partition(";")
        return Check("port", "fail", found, "give serve another --port")
    return Check("port", "ok", f"{port} is free")


def _is_kerasearch(url: str) -> bool:
    with Client(url) as client:
        return client.is_ready()


def _browser() -> Check:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        mend = "only the browser test needs it: apt-get install chromium"
        return Check("chromium", "warn", "not found", mend)
    return Check("chromium", "ok", found)


def plugin_checks(data_dir: Path, plugins_dir: Path) -> Iterator[Check]:
    """One for each that is disabled, by what the service recorded of this very version."""
    # Imported here, for it alone brings the service's own libraries.
    from kerasearch.service.command.settings import read_settings
    from kerasearch.service.plugins import READING, Plugins

    if not plugins_dir.is_dir():
        mend = "make it, or give another --plugins"
        yield Check("plugins", "fail", f"there is no folder {plugins_dir}", mend)
        return
    plugins = Plugins.of(read_settings(data_dir=data_dir, plugins_dir=plugins_dir))
    for name, why in plugins.troubles():
        if why == READING:
            mend = f"kerasearch serve --plugins {plugins_dir} reads it"
            yield Check("plugins", "warn", f"{name} has not been read yet", mend)
        else:
            mend = f"mend it in {plugins_dir}; a running service reads it again"
            yield Check("plugins", "fail", f"{name}: {why}", mend)
    usable = [model.name for model in plugins.models()]
    yield Check("plugins", "ok", ", ".join(usable) or f"none in {plugins_dir}")


def _devices() -> Check:
    try:
        asked = subprocess.run(  # noqa: S603 - our own few lines, which may hang or crash
            [sys.executable, "-c", ASK_TENSORFLOW],
            capture_output=True,
            text=True,
            timeout=TENSORFLOW_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        found = f"TensorFlow said nothing in {TENSORFLOW_S:.0f} s"
        return Check("devices", "warn", found, "look at the GPU's driver with nvidia-smi")
    if asked.returncode:
        last = (asked.stderr.strip().splitlines() or ["it crashed"])[-1]
        return Check("devices", "fail", last, "install TensorFlow anew; see its line above")
    kinds: list[str] = json.loads(asked.stdout.splitlines()[-1])
    found = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    if "GPU" not in kinds and shutil.which("nvidia-smi"):
        mend = "for the GPU: pip uninstall tensorflow-cpu, then pip install 'kerasearch[gpu]'"
        return Check("devices", "warn", found, mend)
    return Check("devices", "ok", found)
