"""What a model's file says of itself besides what Keras reads. No keras."""

import json
import zipfile
from pathlib import Path
from typing import Any

from kerasearch.searchspaces.problems import InvalidInput

DESCRIPTION = "kerasearch.json"
"""A member of the `.keras` archive. Keras reads those that it knows, and no others."""


OWN_LAYERS = "kerasearch.models.custom_objects"
"""The module whose import lets Keras load layers of Kerasearch."""


def add_description(path: Path, description: dict[str, object]) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(DESCRIPTION, json.dumps(description))


def read_description(path: Path) -> dict[str, Any]:
    """What was added to a model's file; empty where nothing was.

    Any: it is JSON, and each kind of data has its own under `rows`.

    Raises:
        InvalidInput: It is no `.keras` file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if DESCRIPTION not in archive.namelist():
                return {}
            description: dict[str, Any] = json.loads(archive.read(DESCRIPTION))
    except zipfile.BadZipFile as error:
        raise InvalidInput.at("", f"{path} is no .keras file: {error}") from error
    return description


def has_own_layers(path: Path) -> bool:
    """Whether some of a model's layers are Kerasearch's, registered in its package."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return b"kerasearch>" in archive.read("config.json")
