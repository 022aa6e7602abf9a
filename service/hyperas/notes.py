"""What the import has to tell its reader."""

from dataclasses import dataclass


class CannotImport(Exception):  # noqa: N818 - as CannotServe
    """No plugin can be made; the message says where and why, and what to do."""


@dataclass(frozen=True, order=True)
class Note:
    """Something that isn't carried over, or is carried over differently.

    Attributes:
        line: In the script, from 1; 0 where it concerns the whole.
        advice: What to do about it; empty where nothing is.
    """

    line: int
    text: str
    advice: str = ""
