"""Where the artifacts of MLflow's runs and models are put."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ArtifactFolders:
    """Folders whose files become artifacts.

    Args:
        artifacts: Folder of MLflow's artifacts where that is on this machine: files are put there
            without asking the server for each, which costs both 10 ms.
    """

    def __init__(self, artifacts: Path | None) -> None:
        self._artifacts = artifacts

    @contextmanager
    def at(self, uri: str, upload: Callable[[str], None]) -> Iterator[Path]:
        """A folder whose files are the artifacts at this place after the block.

        Args:
            uri: As MLflow tells it of a run or a model.
            upload: Sends a folder there, where it is on another machine.
        """
        scheme, _, location = uri.partition(":/")
        if self._artifacts is not None and scheme == "mlflow-artifacts":
            folder = (self._artifacts / location).resolve()
            if folder.is_relative_to(self._artifacts.resolve()):  # any client may set a location
                folder.mkdir(parents=True, exist_ok=True)
                yield folder
                return
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
            upload(temporary)
