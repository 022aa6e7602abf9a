"""How every reader of files says that a file won't do."""

from typing import NoReturn

from kerasearch.searchspaces.problems import InvalidInput


def refuse(detail: str) -> NoReturn:
    raise InvalidInput.at("/file", detail)
