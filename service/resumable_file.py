"""A file to download, from the start or from where an earlier download broke off."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable


class ResumableFile(FileResponse):
    """Answers Range and If-Range; what it can't answer becomes a problem document."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []  # the whole file: a Range that isn't understood is ignored (RFC 9110, 14.2)
        except RangeNotSatisfiable:
            raise HTTPException(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                f"the file has {file_size} bytes, and none of them is in the range asked for",
                {"Content-Range": f"bytes */{file_size}"},
            ) from None
