"""What a plugin's own code raised, told to its author."""

import traceback
from pathlib import Path

from kerasearch.searchspaces.problems import InvalidInput

MAX_MESSAGE = 300


def blame(error: BaseException, path: Path) -> str:
    """What went wrong, and in which line of the plugin at `path`."""
    if isinstance(error, InvalidInput):
        return str(error)
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno
    where = f"line {line}: " if line else ""
    message = " ".join(str(error).split())[:MAX_MESSAGE]
    return where + ": ".join(filter(None, [type(error).__name__, message]))
