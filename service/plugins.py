"""The operator's plugins as the service sees them: files of one folder, and what was recorded."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kerasearch.models.plugins.data import FUNCTION
from kerasearch.models.plugins.recorded import PREFIX, VERSION_DIGITS, PluginModel, Recording
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.service.errors import Unavailable
from kerasearch.service.files import digest_of
from kerasearch.service.settings import Settings

READING = "it is being read; try again in a few seconds"

_NAME = re.compile(
    rf"{PREFIX}(?P<module>\w+):(?P<entry>\w+)(?:@(?P<version>[0-9a-f]{{{VERSION_DIGITS}}}))?"
)


@dataclass(frozen=True)
class PluginFile:
    """A plugin's file as it is now."""

    path: Path
    sha256: str

    @property
    def module(self) -> str:
        return self.path.stem

    @property
    def version(self) -> str:
        return self.sha256[:VERSION_DIGITS]


@dataclass(frozen=True)
class Plugins:
    """The plugins of a service.

    Attributes:
        folder: None: there are none.
        recordings_dir: What was recorded of each version of each.
    """

    folder: Path | None
    recordings_dir: Path

    @classmethod
    def of(cls, settings: Settings) -> "Plugins":
        return cls(settings.plugins_dir, settings.recordings_dir)

    def files(self) -> Iterator[PluginFile]:
        """By name; a file whose name begins with `_` is none."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.py")):
            if not path.name.startswith("_") and path.is_file():
                with suppress(FileNotFoundError):  # it is being replaced
                    yield PluginFile(path, digest_of(path))

    def recording(self, file: PluginFile) -> Recording | None:
        """What was recorded of this version of a file; None until it was."""
        try:
            return Recording.model_validate_json(self.recording_path(file).read_bytes())
        except (FileNotFoundError, ValidationError):  # another Kerasearch may have written it
            return None

    def recording_path(self, file: PluginFile) -> Path:
        return self.recordings_dir / f"{file.module}-{file.version}.json"

    def find_model(self, name: str) -> tuple[PluginModel, Path]:
        """The model that `plugin:MODULE:NAME` or `plugin:MODULE:NAME@VERSION` means, and its file.

        Raises:
            InvalidInput: There is none, it is disabled, or the file isn't that version any more.
            Unavailable: The plugin is being recorded.
        """
        file, recording, entry = self._find(name)
        if entry not in recording.models:
            kind = f"model of plugin {file.module}"
            raise InvalidInput.at("", unknown(kind, entry, recording.models))
        return recording.models[entry], file.path

    def find_data(self, name: str) -> str:
        """Id of the dataset that `plugin:MODULE:data` means; raises as `find_model` does."""
        file, recording, entry = self._find(name)
        if recording.data is None or entry != FUNCTION:
            offered = f"{FUNCTION}()" if recording.data else "none"
            detail = f"plugin {file.module} has no data {entry!r}; it offers {offered}"
            raise InvalidInput.at("", detail)
        return recording.data.sha256

    def _find(self, name: str) -> tuple[PluginFile, Recording, str]:
        if self.folder is None:
            raise InvalidInput.at(
                "", "this service has no plugins: start it by kerasearch serve --plugins DIR"
            )
        said = _NAME.fullmatch(name)
        if said is None:
            raise InvalidInput.at("", f"a plugin is named plugin:MODULE:NAME, not {name[:80]!r}")
        files = {file.module: file for file in self.files()}
        if said["module"] not in files:
            raise InvalidInput.at("", unknown("plugin", said["module"], files))
        file = files[said["module"]]
        if said["version"] not in (None, file.version):
            raise InvalidInput.at(
                "",
                f"{file.path.name} has changed: it is version {file.version} now, not "
                f"{said['version']}; put the old file back, or leave the version out",
            )
        recording = self.recording(file)
        if recording is None:
            raise Unavailable(f"{_named(file, '')}: {READING}")
        for part in ("", said["entry"]):
            if part in recording.errors:
                detail = f"{_named(file, part)} is disabled: {recording.errors[part]}"
                raise InvalidInput.at("", detail)
        return file, recording, said["entry"]

    def models(self) -> Iterator[PluginModel]:
        """Those that can be used, by name."""
        for file in self.files():
            if (recording := self.recording(file)) is not None:
                yield from recording.models.values()

    def troubles(self) -> Iterator[tuple[str, str]]:
        """Name of what can't be used, `plugin:MODULE` or `plugin:MODULE:NAME`, and why."""
        for file in self.files():
            recording = self.recording(file)
            errors = {"": READING} if recording is None else recording.errors
            for entry, why in errors.items():
                yield _named(file, entry), why


def _named(file: PluginFile, entry: str) -> str:
    return f"{PREFIX}{file.module}:{entry}".rstrip(":")


NO_PLUGINS = Plugins(None, Path())
