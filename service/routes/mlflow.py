"""`/mlflow`: everything there is passed to the MLflow server and back, in streams."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from kerasearch.service.errors import NotFound, Unavailable

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
    *("proxy-authenticate", "proxy-authorization", "upgrade", "expect"),
}
"""What is about one connection and not about the message: RFC 9110, 7.6.1 and 10.1.1."""

UNLIMITED = 2**63 - 1  # bytes of a body: models are uploaded as artifacts


def proxy_router(upstream: str) -> APIRouter:
    """Routes below `/mlflow`, answered by MLflow; Unavailable while it is down.

    Host and Origin are passed unchanged: MLflow judges by them whether a page of another site
    is behind a request.

    Args:
        upstream: MLflow's address, `http://127.0.0.1:5000`; paths are the same there as here.
    """
    address = httpx.URL(upstream)
    client = httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=2.0),
        limits=httpx.Limits(max_connections=None, keepalive_expiry=2.0),  # uvicorn's is 5 s
        trust_env=False,  # or HTTP_PROXY would be asked for 127.0.0.1
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    router = APIRouter(lifespan=lifespan, include_in_schema=False, max_body_size=UNLIMITED)

    @router.api_route("/mlflow", methods=METHODS)
    @router.api_route("/mlflow/{path:path}", methods=METHODS)
    async def forward(request: Request) -> Response:
        path: str = request.scope["path"]
        if any(part in (".", "..") for part in path.split("/")):
            raise NotFound(f"{path} isn't a path as MLflow has them")
        # Encoded again from what was decoded, so that both servers mean the same path.
        target = quote(path).encode()
        if query := request.scope["query_string"]:
            target += b"?" + query
        has_body = {"content-length", "transfer-encoding"} & set(request.headers)
        onward = httpx.Request(
            request.method,
            address.copy_with(raw_path=target),
            headers=_end_to_end(request.headers.raw),
            content=request.stream() if has_body else None,
        )
        try:
            answer = await client.send(onward, stream=True)
        except httpx.TransportError as error:
            raise Unavailable(
                "MLflow is starting or being restarted; searches go on without it"
            ) from error
        response = StreamingResponse(
            answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = _end_to_end(answer.headers.raw)
        return response

    return router


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without those about the connection, and those that it names as such."""
    lowered = [(name.lower(), value) for name, value in headers]
    dropped = {name.encode() for name in HOP_BY_HOP}
    for name, value in lowered:
        if name == b"connection":
            dropped |= {option.strip().lower() for option in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in dropped]
