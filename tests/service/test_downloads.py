import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kerasearch.service.answers import Damaged, ServerError
from kerasearch.service.downloads import download

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Breaking(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("connection reset")


class Server:
    """Holds CONTENT; breaks off after each number of bytes in `breaks`, in turn."""

    def __init__(self, *breaks: int, content: bytes = CONTENT, etag: str = f'"{SHA256}"') -> None:
        self.breaks = list(breaks)
        self.content = content
        self.etag = etag
        self.asked: list[str | None] = []
        self.http = httpx.Client(base_url="http://test", transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        start, status = 0, 200
        if asked is not None and request.headers["If-Range"] == self.etag:
            start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
            if start >= len(self.content):
                return httpx.Response(416)
        content = self.content[start:]
        headers = {"ETag": self.etag, "Content-Length": str(len(content))}
        if self.breaks:
            content = content[: self.breaks.pop(0)]
            return httpx.Response(status, headers=headers, stream=Breaking(content))
        return httpx.Response(status, headers=headers, content=content)


def test_a_file_appears_whole_under_its_name_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "best.keras"
    told = []
    assert download(Server().http, "/model", target, lambda *x: told.append(x)) == SHA256
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_broken_download_goes_on_where_it_broke(tmp_path: Path) -> None:
    server = Server(1000, 500)
    assert download(server.http, "/model", tmp_path / "best.keras") == SHA256
    assert server.asked == [None, "bytes=1000-", "bytes=1500-"]
    assert [path.name for path in tmp_path.iterdir()] == ["best.keras"]


def test_a_download_that_no_longer_moves_is_given_up_and_goes_on_another_day(
    tmp_path: Path,
) -> None:
    target = tmp_path / "best.keras"
    with pytest.raises(httpx.ReadError):
        download(Server(1000, 0).http, "/model", target)
    assert not target.exists()

    server = Server()
    assert download(server.http, "/model", target) == SHA256
    assert server.asked == ["bytes=1000-"]


def test_what_is_left_of_another_version_is_dropped(tmp_path: Path) -> None:
    (tmp_path / f"best.keras.{'0' * 64}.part").write_bytes(b"old")
    assert download(Server().http, "/model", tmp_path / "best.keras") == SHA256
    assert [path.name for path in tmp_path.iterdir()] == ["best.keras"]


def test_a_part_longer_than_the_file_is_dropped(tmp_path: Path) -> None:
    (tmp_path / f"best.keras.{SHA256}.part").write_bytes(CONTENT + b"more")
    assert download(Server().http, "/model", tmp_path / "best.keras") == SHA256


def test_content_that_is_not_what_the_server_says_never_gets_the_name(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="try again"):
        download(Server(content=b"x" + CONTENT[1:]).http, "/model", tmp_path / "best.keras")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_digest_is_never_continued(tmp_path: Path) -> None:
    server = Server(1000, etag='"abc"')
    with pytest.raises(httpx.ReadError):
        download(server.http, "/plot.png", tmp_path / "plot.png")
    assert download(server.http, "/plot.png", tmp_path / "plot.png") == SHA256
    assert server.asked == [None, None]
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]


def test_a_refusal_leaves_nothing(tmp_path: Path) -> None:
    answer = httpx.Response(404, json={"status": 404, "detail": "no best model"})
    http = httpx.Client(base_url="http://test", transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(ServerError, match="no best model"):
        download(http, "/model", tmp_path / "best.keras")
    assert list(tmp_path.iterdir()) == []
