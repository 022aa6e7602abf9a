"""How large a body may be, by path."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kerasearch.service.errors import TooLarge
from kerasearch.service.problem_documents import problem_response

MIB = 2**20


class BodyLimit:
    """Refuses a body over its limit: at once if it says its length, otherwise once it is too long.

    Args:
        app: What is inside. It gets TooLarge from reading a body that said no length.
        limits_mib: By the start of a path, the first that fits; a path that none fits has no limit.
    """

    def __init__(self, app: ASGIApp, limits_mib: Mapping[str, int]) -> None:
        self._app = app
        self._limits_mib = limits_mib

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        fitting = (mib for start, mib in self._limits_mib.items() if path.startswith(start))
        limit_mib = next(fitting, None)
        if scope["type"] != "http" or limit_mib is None:
            return await self._app(scope, receive, send)
        refusal = f"a body that is sent to {path} has at most {limit_mib} MiB"
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > limit_mib * MIB:
            return await problem_response(413, refusal)(scope, receive, send)
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit_mib * MIB:
                raise TooLarge(refusal)
            return message

        return await self._app(scope, receive_counted, send)
