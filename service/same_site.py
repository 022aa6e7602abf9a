"""What a browser sends on behalf of another site's page is refused: Host and Origin tell."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from kerasearch.service.problem_documents import problem_response


class SameSite:
    """Lets in whoever asks for one of `names`, from no page or from a page of this service.

    A page whose own name was made to resolve to loopback is told by Host, a form on another site
    that posts here by Origin.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            if _name(host) not in self._names:
                known = " or ".join(sorted(self._names))
                detail = f"this service is {known}, not {host!r}: ask for it by that name"
                return await problem_response(400, detail)(scope, receive, send)
            if origin is not None and origin.partition("://")[2].lower() != host.lower():
                detail = f"a page of {origin!r} may not use this service"
                return await problem_response(403, detail)(scope, receive, send)
        return await self._app(scope, receive, send)


def _name(host: str) -> str | None:
    """Of `name:port`."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
