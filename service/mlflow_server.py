"""The MLflow server: a child process on loopback, reached from outside through the proxy alone.

`mlflow server` is a command that starts uvicorn that starts workers, three generations of which a
signal to the first may leave two. Here uvicorn runs MLflow's application in the very process that
is started, so that SIGTERM, or the parent-death signal that it carries, ends all there is.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/mlflow"
"""Where MLflow's pages and API live, here and behind the proxy."""

_HOME = "KERASEARCH_MLFLOW_HOME"
"""Where it works, so that no path is told: MLflow takes apart one with a `?` or a `%` in it."""

_LOOPBACK = ("localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*", "[[]::1]", "[[]::1]:*")

_CLOSED = re.compile(
    r"/+mlflow/+(?:(?:ajax-)?api/+[^/]+/+(?:mlflow/+)?)?"
    r"(?:assistant|gateway|jobs|prompt-optimization|webhooks"
    r"|(?:scorer|issues|genai/+evaluate)/+invoke)(?:/|$)"
)
"""Routes that run an agent or a job on this machine, or make it call other machines.

`gateway-proxy` isn't one: it leads nowhere unless MLFLOW_DEPLOYMENTS_TARGET says where, and the
page complains aloud when it is refused.
"""

_FIRST_VISIT = """<script>
for (const [name, value] of [
  ["mlflow.workflowType_v1", '"machine_learning"'],
  ["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true"],
]) localStorage.getItem(name) ?? localStorage.setItem(name, value);
</script>"""
"""Shows a new visitor experiments in place of traces of agents, and no assistant."""

_ARTIFACT = re.compile(PREFIX + r"(/(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts/.+)")


def command(port: int) -> list[str]:
    """Arguments that start MLflow on 127.0.0.1; it also needs `environment`."""
    return [sys.executable, "-m", "kerasearch.service.mlflow_server", str(port)]


def environment(data_dir: Path, public_hosts: Sequence[str] = ()) -> dict[str, str]:
    """The child's whole environment; MLflow settings of whoever starts the service stay out.

    Args:
        data_dir: Everything is kept in its folder `mlflow`, which is made.
        public_hosts: Names, with their ports, under which the service is reached besides loopback.
    """
    home = data_dir.absolute() / "mlflow"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **{k: v for k, v in os.environ.items() if not k.lstrip("_").startswith("MLFLOW")},
        _HOME: str(home),
        # The names by which `mlflow server` hands its options to its workers.
        "_MLFLOW_SERVER_FILE_STORE": "sqlite:///mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "./artifacts",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_STATIC_PREFIX": PREFIX,
        "_MLFLOW_SGI_NAME": "uvicorn",
        # MLflow's own default lets in every name that begins with "10." or "192.168."
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join((*_LOOPBACK, *public_hosts)),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(
            f"{scheme}://{host}" for host in public_hosts for scheme in ("http", "https")
        ),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
        "MLFLOW_MODEL_CATALOG_URI": "",  # else prices of language models are fetched
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
        "MALLOC_ARENA_MAX": "2",  # each of its 40 threads would keep an arena of its own
    }


def restrict(mlflow: ASGIApp) -> ASGIApp:
    """MLflow without the routes that `_CLOSED` names, and with artifacts that are streamed."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if _CLOSED.match(scope["path"]):
                refusal = PlainTextResponse("This part of MLflow is closed here.", 403)
                return await refusal(scope, receive, send)
            # MLflow's streaming, resumable route for artifacts ignores the prefix, behind which
            # only an older one is found that takes whole files into memory.
            artifact = _ARTIFACT.fullmatch(scope["path"])
            if artifact and scope["method"] in ("GET", "PUT"):
                path = artifact[1]
                scope = {**scope, "path": path, "raw_path": path.encode()}
        return await mlflow(scope, receive, send)

    return application


def main() -> None:
    os.chdir(os.environ[_HOME])
    from mlflow.server import app as pages
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    page = Path(str(pages.static_folder), "index.html").read_text()
    pages.view_functions["serve"] = lambda: page.replace("<head>", f"<head>{_FIRST_VISIT}", 1)
    initialize_backend_stores(
        os.environ["_MLFLOW_SERVER_FILE_STORE"],
        default_artifact_root=os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"],
    )
    uvicorn.run(
        restrict(app),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        lifespan="off",  # its start asks Docker for left-over sandboxes of the assistant
        proxy_headers=False,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
