"""Alive, able to serve, and the first page."""

from http.client import HTTPConnection, HTTPException
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError

from kerasearch.service.errors import Unavailable
from kerasearch.service.metrics import exposition
from kerasearch.service.process import pulse
from kerasearch.service.routes.context import Context, Ctx
from kerasearch.service.store import events

router = APIRouter(tags=["health"])

SILENT_AFTER_S = {"scheduler": 10.0, "mirror": 60.0}
"""The mirror leaves the cores to trials, and draws for seconds between two signs of life."""

MLFLOW_TIMEOUT_S = 1.0

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Kerasearch</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
</style>
<h1>Kerasearch</h1>
<p>Hyperparameter search for Keras models. POST a job, watch it in MLflow, take the best model.</p>
<ul>
<li><a href="mlflow/#/experiments?workflowType=machine_learning">MLflow</a>: every trial
<li><a href="docs">API</a>: calls, and a way to try them
<li><a href="v1/jobs">Jobs</a>, <a href="v1/models">models</a>,
<a href="v1/datasets">datasets</a> as JSON
<li><a href="readyz">State of the parts</a>
</ul>
"""


class Part(BaseModel):
    state: str
    ready: bool


class Readiness(BaseModel):
    ready: bool
    parts: dict[str, Part]


@router.get("/", include_in_schema=False)
def page() -> HTMLResponse:
    return HTMLResponse(PAGE)


@router.get("/healthz")
def alive() -> dict[Literal["status"], str]:
    return {"status": "alive"}


@router.get("/metrics", response_class=Response)
def metrics(ctx: Ctx) -> Response:
    """For Prometheus."""
    return Response(exposition(ctx.settings, ctx.database), media_type=CONTENT_TYPE_LATEST)


@router.get("/readyz", responses={503: {"model": Readiness}})
def ready(ctx: Ctx, response: Response) -> Readiness:
    """200 when every part is up, else 503; says of each part how it is."""
    parts = {
        "database": _database(ctx),
        "scheduler": _pulsing(ctx, "scheduler"),
        "mirror": _pulsing(ctx, "mirror"),
        "mlflow": _mlflow(ctx),
    }
    every = all(part.ready for part in parts.values())
    response.status_code = 200 if every else 503
    return Readiness(ready=every, parts=parts)


def _database(ctx: Context) -> Part:
    try:
        with ctx.database.read() as tx:
            events.latest(tx)
    except Unavailable as error:
        return Part(state=str(error), ready=False)
    except OperationalError as error:  # the tables are missing
        return Part(state=str(error.orig), ready=False)
    return Part(state="ready", ready=True)


def _pulsing(ctx: Context, role: str) -> Part:
    sign = pulse(ctx.settings.run_dir, role)
    if sign is None:
        return Part(state="starting", ready=False)
    if sign.age_s > SILENT_AFTER_S[role]:
        return Part(state=f"silent for {sign.age_s:.0f} s", ready=False)
    return Part(state=sign.state, ready=sign.state == "ready")


def _mlflow(ctx: Context) -> Part:
    # The standard library's client: httpx would load the machine's certificates for each look.
    server = HTTPConnection("127.0.0.1", ctx.settings.mlflow_port, timeout=MLFLOW_TIMEOUT_S)
    try:
        server.request("GET", "/mlflow/health")
        status = server.getresponse().status
    except (OSError, HTTPException):
        return Part(state="starting", ready=False)
    finally:
        server.close()
    return Part(state="ready" if status == 200 else f"answers {status}", ready=status == 200)
