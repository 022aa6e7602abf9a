"""Downloads that go on where they broke off, and that end as what the server says it sent."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import httpx

from kerasearch.service.answers import Damaged, refusal

OnProgress = Callable[[int, int | None], None]
"""Told of the bytes there are so far and, where the server says so, of all."""

_SHA256 = re.compile(r'"([0-9a-f]{64})"')


def download(
    http: httpx.Client, url: str, target: Path, on_progress: OnProgress | None = None
) -> str:
    """Write what `url` holds to `target`, which appears whole or not at all.

    What came before a connection broke is kept beside `target`, under a name that holds its ETag,
    so that this call or a later one goes on from there.

    Returns:
        The SHA-256 of the file.

    Raises:
        Damaged: The content doesn't match the SHA-256 that its ETag states.
        ServerError: The server refused.
        httpx.RequestError: The connection broke, and broke again without a byte in between.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        had = _bytes_had(target)
        try:
            return _fetch(http, url, target, on_progress)
        except httpx.RequestError:
            if _bytes_had(target) <= had:
                raise


def _fetch(http: httpx.Client, url: str, target: Path, on_progress: OnProgress | None) -> str:
    headers = {"Accept-Encoding": "identity"}  # ranges count the bytes as they are stored
    part = next(iter(_parts(target)), None)
    if part is not None and part.stat().st_size:
        digest = part.name.split(".")[-2]
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": f'"{digest}"'}
    with http.stream("GET", url, headers=headers) as response:
        goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
        if part is not None and not goes_on:
            part.unlink()  # of another version, or longer than the file
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return _fetch(http, url, target, on_progress)
        if response.is_error:
            response.read()
            raise refusal(response)
        etag = _SHA256.fullmatch(response.headers.get("ETag", ""))
        stated = etag[1] if etag else None
        if part is None or not goes_on:
            part = target.with_name(f"{target.name}.{stated or 'unknown'}.part")
        sha256 = _write(response, part, "ab+" if goes_on else "wb+", on_progress)
    if stated is not None and sha256 != stated:
        part.unlink()
        raise Damaged(f"{url} came with SHA-256 {sha256}, but the server says {stated}: try again")
    part.replace(target)
    return sha256


def _write(
    response: httpx.Response,
    part: Path,
    mode: Literal["ab+", "wb+"],
    on_progress: OnProgress | None,
) -> str:
    """SHA-256 of all that `part` then holds, earlier tries included."""
    with part.open(mode) as file:
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256")
        size = file.tell()
        length = response.headers.get("Content-Length")
        total = size + int(length) if length else None
        for chunk in response.iter_bytes():
            file.write(chunk)
            sha256.update(chunk)
            size += len(chunk)
            if on_progress is not None:
                on_progress(size, total)
        file.flush()
        os.fsync(file.fileno())
    return sha256.hexdigest()


def _bytes_had(target: Path) -> int:
    return sum(part.stat().st_size for part in _parts(target))


def _parts(target: Path) -> list[Path]:
    """Earlier tries that say which content they are the beginning of."""
    pattern = re.compile(re.escape(target.name) + r"\.[0-9a-f]{64}\.part")
    return [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)]
