"""The folder that a retraining is downloaded to: of one retraining, whatever else lies there."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from kerasearch.service.command.terminal import refuse

BEGUN = ".kerasearch-retraining"
"""Names the retraining whose files a folder is for, until all of them are there."""


class _Begun(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    job: str
    request: dict[str, object]


def begun_in(folder: Path, job: str, request: Mapping[str, object]) -> str | None:
    """Id of the same retraining, where an earlier call was interrupted; None where none was begun.

    A folder of another retraining ends the command: its files would be mixed with this one's.
    """
    try:
        begun = _Begun.model_validate_json((folder / BEGUN).read_bytes())
    except (FileNotFoundError, ValidationError):
        if (folder / "report.json").exists():
            refuse(f"{folder} holds another retraining: give another -o DIR")
        return None
    if (begun.job, begun.request) != (job, dict(request)):
        refuse(
            f"{folder} is for another retraining, {begun.id} of job {begun.job}, which was "
            "interrupted: repeat that command to go on with it, or give another -o DIR"
        )
    return begun.id


def note_begun(folder: Path, retraining_id: str, job: str, request: Mapping[str, object]) -> None:
    """Have the same call go on with this retraining, should it be interrupted."""
    folder.mkdir(parents=True, exist_ok=True)
    begun = {"id": retraining_id, "job": job, "request": request}
    (folder / BEGUN).write_text(json.dumps(begun))


def note_whole(folder: Path) -> None:
    """All of its files are there."""
    (folder / BEGUN).unlink(missing_ok=True)
