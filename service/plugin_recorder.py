"""Records plugins, one after the other, each in a process of its own under a time limit.

The processes are forked from the forkserver of the trial processes, which has imported keras.
"""

import logging
import multiprocessing
import shutil
import time
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

from kerasearch.models.plugins.recorded import PREFIX, VERSION_DIGITS, PluginData, Recording
from kerasearch.service.errors import Unavailable
from kerasearch.service.files import room_on_disk, write_text
from kerasearch.service.plugins import PluginFile, Plugins
from kerasearch.service.process import die_first_of_memory, die_with_parent, log_to_stderr
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.store.datasets import StoredDataset, add_dataset, find_dataset

log = logging.getLogger(__name__)

RECORDING = "kerasearch.models.plugins.recording"
LOOK_S = 1.0
"""Between two looks at the folder."""


@dataclass
class _Running:
    file: PluginFile
    folder: Path
    process: BaseProcess
    until: float


class PluginRecorder:
    """Keeps a recording of every file of the plugin folder: call `advance` again and again."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._plugins = Plugins.of(settings)
        self._database = database
        self._context = multiprocessing.get_context("forkserver")
        self._running: _Running | None = None
        self._look_at = 0.0
        self._forget_failures()

    def advance(self) -> None:
        """Begin a recording, or end one, where it is time to; never waits."""
        if self._plugins.folder is None:
            return
        try:
            if self._running is not None:
                self._end()
            elif time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_S
                self._begin()
        except Unavailable as error:
            log.warning("%s; the plugin is recorded later", error)

    def close(self) -> None:
        if self._running is not None:
            self._running.process.kill()
            self._running.process.join()

    def _forget_failures(self) -> None:
        """What failed may have lacked something that is there by now."""
        for file in self._plugins.files():
            recording = self._plugins.recording(file)
            if recording is not None and recording.errors:
                self._plugins.recording_path(file).unlink()

    def _begin(self) -> None:
        file = next((file for file in self._plugins.files() if not self._is_recorded(file)), None)
        if file is None:
            return
        folder = self._settings.recordings_dir / f".{file.module}"
        with room_on_disk(self._settings.data_dir):
            shutil.rmtree(folder, ignore_errors=True)  # of a service that was killed
            folder.mkdir(parents=True)
        process = self._context.Process(
            target=_record, args=(file.path, file.sha256, folder), daemon=True
        )
        try:
            process.start()
        except (EOFError, OSError):  # the forkserver was killed; the next look makes another
            return
        until = time.monotonic() + self._settings.plugin_limit_s
        self._running = _Running(file, folder, process, until)

    def _is_recorded(self, file: PluginFile) -> bool:
        recording = self._plugins.recording(file)
        if recording is None or recording.data is None:
            return recording is not None
        with self._database.read() as tx:  # somebody may have deleted them
            return find_dataset(tx, recording.data.sha256) is not None

    def _end(self) -> None:
        running = self._running
        assert running is not None  # noqa: S101 - `advance` has looked
        if running.process.is_alive():
            if time.monotonic() < running.until:
                return
            running.process.kill()
            running.process.join()
            reason = f"it wasn't read within {self._settings.plugin_limit_s:g} s"
        else:
            running.process.join()
            reason = f"it ended its process, with exit code {running.process.exitcode}"
        try:
            text = (running.folder / "recording.json").read_text(encoding="utf-8")
            recording = Recording.model_validate_json(text)
        except FileNotFoundError:
            recording = Recording(
                module=running.file.module, sha256=running.file.sha256, errors={"": reason}
            )
        if recording.data is not None:
            self._keep_data(recording.module, recording.data, running.folder / "data.npz")
        write_text(self._plugins.recording_path(running.file), recording.model_dump_json(indent=2))
        shutil.rmtree(running.folder, ignore_errors=True)
        self._running = None
        for name, why in recording.errors.items():
            log.warning("plugin %s is disabled: %s", f"{recording.module}:{name}".strip(":"), why)

    def _keep_data(self, module: str, data: PluginData, npz: Path) -> None:
        """As an upload is kept; data that a plugin gave before stay what they are, by their id."""
        name = f"{PREFIX}{module}:data"
        with self._database.write() as tx, room_on_disk(self._settings.data_dir):
            if find_dataset(tx, data.sha256) is not None:
                return
            if find_dataset(tx, name) is not None:
                name += f"@{data.sha256[:VERSION_DIGITS]}"
            add_dataset(tx, StoredDataset(data.sha256, name, "data.npz", data.info))
            final = self._settings.datasets_dir / data.sha256
            shutil.rmtree(final, ignore_errors=True)  # left by a crash between rename and commit
            final.mkdir(parents=True)
            npz.replace(final / "data.npz")


def _record(path: Path, sha256: str, folder: Path) -> None:
    """In the process of its own."""
    die_with_parent()
    die_first_of_memory()
    log_to_stderr("plugin")
    recording: Recording = import_module(RECORDING).record(path, sha256, folder / "data.npz")
    write_text(folder / "recording.json", recording.model_dump_json(indent=2))
