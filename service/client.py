"""The service seen from another process: typed calls over HTTP.

with Client("http://127.0.0.1:8000") as client:
    job = client.submit({"model": "mlp", "data": {"dataset": "digits"}})
    for trial in client.trials(job.id): ...
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import httpx_sse
from pydantic import BaseModel, ConfigDict, ValidationError

from kerasearch.service.answers import NoServer, not_understood, parse, refusal
from kerasearch.service.downloads import OnProgress, download
from kerasearch.service.jobs import Job
from kerasearch.service.trials import BestTrial, ParetoSet, Retraining, Trial

Item = TypeVar("Item", bound=BaseModel)

CONNECT_S = 5.0
ANSWER_S = 30.0
UPLOAD_S = 600.0
"""The server reads all of a dataset before it answers."""
SILENCE_S = 60.0
"""An event stream that doesn't even say that it lives is broken."""


class _Entry(BaseModel):
    """What a newer server adds is kept, so that `--json` shows it."""

    model_config = ConfigDict(frozen=True, extra="allow")


class DatasetEntry(_Entry):
    id: str
    name: str
    kind: str
    rows: int
    shapes: dict[str, tuple[int, ...]] = {}
    classes: tuple[str, ...] | None = None
    target: str | None = None
    drop: tuple[str, ...] = ()
    types: dict[str, str] | None = None
    description: str | None = None
    warnings: tuple[str, ...] = ()


class ModelEntry(_Entry):
    name: str
    task: str = ""
    tasks: tuple[str, ...] = ()
    description: str = ""
    data_kinds: tuple[str, ...] = ()
    error: str | None = None


class TriedSpace(_Entry):
    space: dict[str, Any]  # JSON


class Event(BaseModel):
    """A server-sent event: of kind `job`, `trial` or `report`."""

    id: str
    kind: str
    data: dict[str, Any]  # JSON


class Client:
    """Calls of the service at `base_url`; see `answers` for what any of them may raise."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        try:
            address = httpx.URL(self.base_url)
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError(f"a server's address is like http://127.0.0.1:8000, not {base_url!r}")
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            transport=transport,
            # A proxy for the outer world can't reach this machine's own loopback.
            trust_env=address.host not in ("127.0.0.1", "localhost", "::1"),
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def is_ready(self) -> bool:
        """Whether every part of the service is up."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.RequestError:
            return False

    def submit(self, request: Mapping[str, object], *, idempotency_key: str | None = None) -> Job:
        """Post a job. Where the connection breaks it is posted again, and still is one job."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        try:
            return self._post("/v1/jobs", Job, json=request, headers=headers)
        except NoServer as broken:
            if broken.never_connected:
                raise
            return self._post("/v1/jobs", Job, json=request, headers=headers)

    def job(self, job_id: str) -> Job:
        return self._get(f"/v1/jobs/{_part(job_id)}", Job)

    def jobs(self, state: str | None = None) -> Iterator[Job]:
        """Newest first."""
        return self._list("/v1/jobs", Job, state=state)

    def pause(self, job_id: str) -> Job:
        return self._step(job_id, "pause")

    def resume(self, job_id: str) -> Job:
        return self._step(job_id, "resume")

    def stop(self, job_id: str) -> Job:
        """Its running trials finish, then it completes."""
        return self._step(job_id, "stop")

    def cancel(self, job_id: str) -> Job:
        """It and its running trials end now."""
        return self._step(job_id, "cancel")

    def retry(self, job_id: str) -> Job:
        """Its failed trials are run again."""
        return self._step(job_id, "retry")

    def change(self, job_id: str, change: Mapping[str, object]) -> Job:
        """Change its `budget` or `resources`; what isn't said stays."""
        with self._answers():
            return parse(self._http.patch(f"/v1/jobs/{_part(job_id)}", json=change), Job)

    def delete(self, job_id: str) -> None:
        self._delete(f"/v1/jobs/{_part(job_id)}")

    def enqueue(self, job_id: str, params: Mapping[str, object]) -> Trial:
        """Have these params tried next."""
        url = f"/v1/jobs/{_part(job_id)}/trials"
        return self._post(url, Trial, json={"params": params})

    def trials(self, job_id: str, state: str | None = None) -> Iterator[Trial]:
        """By number."""
        return self._list(f"/v1/jobs/{_part(job_id)}/trials", Trial, state=state)

    def trial(self, job_id: str, number: int) -> Trial:
        return self._get(f"/v1/jobs/{_part(job_id)}/trials/{number}", Trial)

    def best(self, job_id: str) -> BestTrial:
        return self._get(f"/v1/jobs/{_part(job_id)}/best", BestTrial)

    def pareto_set(self, job_id: str) -> list[BestTrial]:
        """The best trials of a job of several objectives."""
        return self._get(f"/v1/jobs/{_part(job_id)}/best", ParetoSet).items

    def download_best(
        self,
        job_id: str,
        target: Path,
        on_progress: OnProgress | None = None,
        trial: int | None = None,
    ) -> str:
        """Write the best model to `target`; its SHA-256. `downloads` says how it goes on.

        Of several objectives, `trial` is one of the Pareto set.
        """
        with self._answers():
            url = f"/v1/jobs/{_part(job_id)}/best/model"
            if trial is not None:
                url += f"?trial={trial}"
            return download(self._http, url, target, on_progress)

    @contextmanager
    def events(self, job_id: str, last_event_id: str = "") -> Iterator[Iterator[Event]]:
        """One connection to what happens in a job, after `last_event_id`; the server ends it.

        Raises:
            ServerError: Also where the answer is no event stream.
            NoServer: Also from within, when the stream breaks.
        """
        with (
            self._answers(),
            httpx_sse.connect_sse(
                self._http,
                "GET",
                f"/v1/jobs/{_part(job_id)}/events",
                headers={"Last-Event-ID": last_event_id} if last_event_id else {},
                timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S),
            ) as source,
        ):
            if not source.response.is_success:
                source.response.read()
                raise refusal(source.response)
            yield _parse_events(source)

    def retrain(self, job_id: str, request: Mapping[str, object]) -> Retraining:
        return self._post(f"/v1/jobs/{_part(job_id)}/retrainings", Retraining, json=request)

    def retraining(self, retraining_id: str) -> Retraining:
        return self._get(f"/v1/retrainings/{_part(retraining_id)}", Retraining)

    def download_artifact(self, retraining_id: str, artifact: str, target: Path) -> str:
        with self._answers():
            url = f"/v1/retrainings/{_part(retraining_id)}/artifacts/{quote(artifact)}"
            return download(self._http, url, target)

    def add_dataset(
        self, file: Path, *, name: str | None, kind: str | None, schema: Mapping[str, object]
    ) -> DatasetEntry:
        form = {"name": name, "kind": kind, "schema": json.dumps(schema)}
        with file.open("rb") as content:
            return self._post(
                "/v1/datasets",
                DatasetEntry,
                data={key: value for key, value in form.items() if value is not None},
                files={"file": (file.name, content)},
                timeout=httpx.Timeout(UPLOAD_S, connect=CONNECT_S),
            )

    def datasets(self) -> Iterator[DatasetEntry]:
        return self._list("/v1/datasets", DatasetEntry)

    def dataset(self, name: str) -> DatasetEntry:
        return self._get(f"/v1/datasets/{_part(name)}", DatasetEntry)

    def delete_dataset(self, name: str) -> None:
        self._delete(f"/v1/datasets/{_part(name)}")

    def models(self) -> Iterator[ModelEntry]:
        return self._list("/v1/models", ModelEntry)

    def model(self, name: str) -> ModelEntry:
        return self._get(f"/v1/models/{_part(name)}", ModelEntry)

    def try_space(self, asked: Mapping[str, object], model: str) -> TriedSpace:
        """The space of a job of this model that asks for this."""
        return self._post(f"/v1/spaces?model={_part(model)}", TriedSpace, json=asked)

    def _get(self, url: str, kind: type[Item]) -> Item:
        with self._answers():
            return parse(self._http.get(url), kind)

    def _post(self, url: str, kind: type[Item], **options: Any) -> Item:  # httpx's options
        with self._answers():
            return parse(self._http.post(url, **options), kind)

    def _delete(self, url: str) -> None:
        with self._answers():
            response = self._http.delete(url)
        if not response.is_success:
            raise refusal(response)

    def _step(self, job_id: str, step: str) -> Job:
        return self._post(f"/v1/jobs/{_part(job_id)}/{step}", Job)

    def _list(self, url: str, kind: type[Item], **query: str | None) -> Iterator[Item]:
        given = {key: value for key, value in query.items() if value is not None}
        while True:
            with self._answers():
                response = self._http.get(url, params=given)
            page = parse(response, _Page)
            try:
                items = [kind.model_validate(item) for item in page.items]
            except ValidationError as error:
                raise not_understood(response) from error
            yield from items
            if page.next is None:
                return
            given["cursor"] = page.next

    @contextmanager
    def _answers(self) -> Iterator[None]:
        try:
            yield
        except httpx.RequestError as error:
            raise NoServer(self.base_url, error) from error


class _Page(BaseModel):
    items: list[dict[str, Any]]  # JSON
    next: str | None = None


def _part(name: str) -> str:
    return quote(name, safe="")


def _parse_events(source: httpx_sse.EventSource) -> Iterator[Event]:
    try:
        for event in source.iter_sse():
            if event.data:  # httpx-sse makes an event of a comment that says the stream lives
                yield Event(id=event.id, kind=event.event, data=json.loads(event.data))
    except (httpx_sse.SSEError, ValueError) as error:
        raise not_understood(source.response) from error
