"""A file to download, from the start or from where an earlier download broke off."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable, Response
from starlette.types import Receive, Scope, Send


class ResumableFile(FileResponse):
    """Answers Range, If-Range and If-None-Match; what it can't becomes a problem document."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_held(Headers(scope=scope).get("if-none-match", "")):
            etag = {"ETag": self.headers["etag"]}
            await Response(status_code=HTTPStatus.NOT_MODIFIED, headers=etag)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _is_held(self, if_none_match: str) -> bool:
        """Whether the client says that it has the file; weakly is enough (RFC 9110, 13.1.2)."""
        etags = {etag.strip().removeprefix("W/") for etag in if_none_match.split(",")}
        return "etag" in self.headers and not etags.isdisjoint({self.headers["etag"], "*"})

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
