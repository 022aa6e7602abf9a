import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from starlette.types import ASGIApp

from kerasearch.service import problem_documents
from kerasearch.service.ports import free_port
from kerasearch.service.routes.mlflow import proxy_router


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield "http://{}:{}".format(*listening.getsockname())
        finally:
            server.should_exit = True
            thread.join()


def proxy_to(upstream: str) -> FastAPI:
    app = FastAPI(max_body_size=1000)
    problem_documents.install(app)
    app.include_router(proxy_router(upstream))
    return app


@pytest.fixture(scope="module")
def url(mlflow_url: str) -> Iterator[str]:
    """A proxy before the real MLflow."""
    with served(proxy_to(mlflow_url)) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> MlflowClient:
    return MlflowClient(f"{url}/mlflow")


def test_runs_are_logged_and_read_back(client: MlflowClient) -> None:
    experiment_id = client.create_experiment("through the proxy")
    run_id = client.create_run(experiment_id, tags={"a": "b"}).info.run_id
    client.log_batch(
        run_id, [Metric("loss", 0.5 / e, 1000 + e, e) for e in (1, 2)], [Param("units", "10")]
    )
    client.set_terminated(run_id)
    (found,) = client.search_runs([experiment_id], "tags.a = 'b'")
    assert found.data.params == {"units": "10"}
    assert [m.value for m in client.get_metric_history(run_id, "loss")] == [0.5, 0.25]
    assert found.info.status == "FINISHED"


def test_large_artifacts_go_up_and_down_unchanged(client: MlflowClient, tmp_path: Path) -> None:
    run_id = client.create_run("0").info.run_id
    content = b"\x00\x01kerasearch" * 2_000_000
    (tmp_path / "large model.keras").write_bytes(content)
    client.log_artifact(run_id, str(tmp_path / "large model.keras"), "models")
    assert [f.path for f in client.list_artifacts(run_id, "models")] == ["models/large model.keras"]
    found = client.download_artifacts(run_id, "models/large model.keras", str(tmp_path / "down"))
    assert Path(found).read_bytes() == content


def test_models_are_registered(client: MlflowClient) -> None:
    client.create_registered_model("epidemic lstm")
    run = client.create_run("0")
    version = client.create_model_version(
        "epidemic lstm", f"{run.info.artifact_uri}/model", run.info.run_id
    )
    client.set_registered_model_alias("epidemic lstm", "best", version.version)
    assert client.get_model_version_by_alias("epidemic lstm", "best").run_id == run.info.run_id


def test_a_download_goes_on_where_it_broke_off(url: str) -> None:
    artifact = f"{url}/mlflow/api/2.0/mlflow-artifacts/artifacts/0/a.txt"
    assert httpx.put(artifact, content=b"0123456789").is_success
    part = httpx.get(artifact, headers={"Range": "bytes=4-"})
    assert (part.status_code, part.content) == (206, b"456789")
    assert part.headers["Content-Range"] == "bytes 4-9/10"


def test_the_page_and_its_parts_are_served(url: str) -> None:
    page = httpx.get(f"{url}/mlflow", follow_redirects=True)
    assert page.is_success
    assert page.url == f"{url}/mlflow/"
    script = page.text.split('<script defer="defer" src="')[1].split('"')[0]
    assert httpx.get(f"{url}/mlflow/{script}").headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_mlflow_refuses_hostile_pages_as_if_it_were_reached_directly(
    url: str, header: dict[str, str]
) -> None:
    path = "/mlflow/ajax-api/2.0/mlflow/runs/create"
    assert httpx.post(url + path, json={"experiment_id": "0"}, headers=header).status_code == 403
    assert httpx.post(url + path, json={"experiment_id": "0"}, headers={"Origin": url}).is_success


@pytest.mark.parametrize(
    "path",
    ["/mlflow/ajax-api/3.0/mlflow/assistant/config", "/mlflow/gateway/mlflow/v1/models"],
)
def test_closed_parts_are_closed_here_too(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code == 403


def test_a_path_that_climbs_is_not_passed_on(url: str) -> None:
    for path in ("/mlflow/a/%2e%2e/gateway/x", "/mlflow/..%2fhealth", "/mlflow/%2e/x"):
        assert httpx.get(url + path).status_code == 404


def test_mlflow_being_down_is_said_as_a_problem() -> None:
    with served(proxy_to(f"http://127.0.0.1:{free_port()}")) as url:
        answer = httpx.get(f"{url}/mlflow/")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert "MLflow is starting" in answer.json()["detail"]


@pytest.fixture
def echo() -> Iterator[Callable[..., httpx.Response]]:
    """Sends a request through a proxy to a server that tells what came and answers oddly."""
    upstream = FastAPI()

    @upstream.api_route("/mlflow/{path:path}", methods=["GET", "POST", "PATCH", "DELETE"])
    async def tell(request: Request) -> Response:
        body = await request.body()
        answer = Response(
            zlib.compress(
                repr(
                    (
                        request.method,
                        request.scope["raw_path"],
                        request.scope["query_string"],
                        request.headers.items(),
                        body,
                    )
                ).encode()
            ),
            status_code=418,
            headers={
                "Content-Encoding": "deflate",
                "Connection": "X-Gone",
                "X-Gone": "1",
                "X-Kept": "1",
            },
        )
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "2")
        return answer

    with served(upstream) as address, served(proxy_to(address)) as url:
        yield lambda method, path, **given: httpx.request(method, url + path, **given)


def test_requests_and_answers_pass_unchanged_but_for_the_connection(
    echo: Callable[..., httpx.Response],
) -> None:
    answer = echo(
        "PATCH",
        "/mlflow/a%20b/c%3Fd?q=%2F&q=2",
        content=b"body" * 1000,
        headers={"Connection": "X-Hop", "X-Hop": "1", "X-End": "1", "Accept-Encoding": "br"},
    )
    method, path, query, headers, body = eval(answer.text)  # decoded by this client alone
    assert (method, path, query) == ("PATCH", b"/mlflow/a%20b/c%3Fd", b"q=%2F&q=2")
    assert body == b"body" * 1000
    assert dict(headers)["host"] == answer.request.url.netloc.decode()
    assert dict(headers)["accept-encoding"] == "br"
    assert "x-end" in dict(headers)
    assert "x-hop" not in dict(headers)
    assert answer.status_code == 418
    assert answer.headers.get_list("set-cookie") == [
        "a=1; Path=/; SameSite=lax",
        "b=2; Path=/; SameSite=lax",
    ]
    assert "x-kept" in answer.headers
    assert "x-gone" not in answer.headers


def test_a_body_of_unknown_length_is_streamed(echo: Callable[..., httpx.Response]) -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(100):
            yield b"%05d" % number

    headers, body = eval(echo("POST", "/mlflow/x", content=chunks()).text)[3:]
    assert len(body) == 500
    assert dict(headers)["transfer-encoding"] == "chunked"


def test_the_proxy_needs_no_mlflow() -> None:
    code = "import sys, kerasearch.service.routes.mlflow as m; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
