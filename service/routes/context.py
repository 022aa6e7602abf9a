"""What every route works with, given by FastAPI's dependency injection."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database


@dataclass(frozen=True)
class Context:
    settings: Settings
    database: Database


def _context(request: Request) -> Context:
    return cast(Context, request.app.state.context)


Ctx = Annotated[Context, Depends(_context)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def position(said: str | None, pointer: str = "/cursor") -> int | None:
    """The row that a page, or the event that a stream goes on from."""
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 16):
        raise InvalidInput.at(
            pointer, f"send what the answer before said, as it was, not {said[:40]!r}"
        )
    return int(said)
