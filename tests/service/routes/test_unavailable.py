"""What the API answers while it can't do its work, and what a reader finds when it can again."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx
import httpx_sse
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from kerasearch.service.app import create_app
from kerasearch.service.problem_documents import MEDIA_TYPE, RETRY_AFTER_S
from kerasearch.service.routes.context import Context
from kerasearch.service.store import jobs, leases, trials
from kerasearch.service.store.database import Database
from kerasearch.service.testing import accept

JOB = {"model": "mlp", "data": {"dataset": "digits"}}
CSV = "x,kind\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(60))

Serving = Callable[[FastAPI], AbstractContextManager[str]]


def _is_unavailable(answer: httpx.Response, reason: str) -> None:
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.headers["Retry-After"] == str(RETRY_AFTER_S)
    assert reason in answer.json()["detail"]


@pytest.fixture
def impatient(http: httpx.Client, context: Context, api: tuple[FastAPI, str]) -> Iterator[Database]:
    """The API's database, which waits for a lock for a moment."""
    database = Database(context.settings.database_url, lock_wait_s=0.05)
    api[0].state.context = Context(context.settings, database)
    yield database
    database.close()


def test_a_locked_database_refuses_for_now_and_still_answers_readers(
    http: httpx.Client, impatient: Database, context: Context
) -> None:
    job_id = accept(context.database)
    with closing(sqlite3.connect(context.settings.data_dir / "kerasearch.db")) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        _is_unavailable(http.post("/v1/jobs", json=JOB), "locked")
        _is_unavailable(http.post(f"/v1/jobs/{job_id}/cancel"), "locked")
        assert [job["id"] for job in http.get("/v1/jobs").json()["items"]] == [job_id]
        other.execute("ROLLBACK")
    assert http.post("/v1/jobs", json=JOB).status_code == 202


def test_a_job_that_finds_no_room_is_refused_and_not_stored(
    http: httpx.Client, impatient: Database
) -> None:
    def take_no_more(connection: sqlite3.Connection, _entry: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(impatient.engine, "connect", take_no_more)
    for _ in range(50):
        answer = http.post("/v1/jobs", json=JOB)
        if answer.status_code != 202:
            break
    _is_unavailable(answer, "full")
    accepted = http.get("/v1/jobs").json()["items"]
    event.remove(impatient.engine, "connect", take_no_more)
    impatient.engine.dispose()
    assert http.post("/v1/jobs", json=JOB).status_code == 202
    assert len(http.get("/v1/jobs").json()["items"]) == len(accepted) + 1


class FullFolder(tempfile.TemporaryDirectory[str]):
    """Has no room for what an upload writes into it."""

    def __enter__(self) -> str:
        folder = super().__enter__()
        Path(folder, "content").symlink_to("/dev/full")
        return folder


def test_an_upload_that_finds_no_room_is_refused_and_leaves_nothing(
    http: httpx.Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upload() -> httpx.Response:
        return http.post("/v1/datasets", files={"file": ("animals.csv", CSV)})

    with monkeypatch.context() as full:
        full.setattr(tempfile, "TemporaryDirectory", FullFolder)
        _is_unavailable(upload(), "is full")
    assert list(context.settings.datasets_dir.iterdir()) == []
    assert list(context.settings.data_dir.glob(".upload-*")) == []
    assert upload().status_code == 201


def _events(url: str, job_id: str, last: str, most: int | None = None) -> list[str]:
    """Ids of the events after `last`, all or this many before the connection is broken off."""
    headers = {"Last-Event-ID": last} if last else {}
    ids: list[str] = []
    with (
        httpx.Client(base_url=url, trust_env=False) as http,
        httpx_sse.connect_sse(http, "GET", f"/v1/jobs/{job_id}/events", headers=headers) as source,
    ):
        for told in source.iter_sse():
            if told.data:
                ids.append(told.id)
            if len(ids) == most:
                break
    return ids


def test_events_go_on_across_restarts_without_gap_or_repeat(
    context: Context, serving: Serving
) -> None:
    job_id, other = accept(context.database), accept(context.database)
    with context.database.write() as tx:
        jobs.start_job(tx, job_id)
    read: list[str] = []
    for number in range(3):  # an API that is started, told from, and ended in mid-stream
        for of in (other, job_id):
            with context.database.write() as tx:
                lease = leases.place(tx, trials.add_trial(tx, of, number, {}, 0))
                assert lease is not None
                leases.report(tx, lease, {epoch: {"val_accuracy": 0.5} for epoch in (1, 2, 3)})
        database = Database(context.settings.database_url)
        with serving(create_app(context.settings, database)) as url:
            read += _events(url, job_id, read[-1] if read else "", most=4)
        database.close()
    with context.database.write() as tx:
        jobs.end_job(tx, job_id, jobs.JobState.COMPLETED, "done")
    with serving(create_app(context.settings, context.database)) as url:
        read += _events(url, job_id, read[-1])
        assert read == _events(url, job_id, "")
    assert len(read) == len(set(read)) == 3 + 3 * 4


def test_a_model_that_was_altered_since_its_training_is_not_served(
    http: httpx.Client,
    context: Context,
    post_job: Callable[..., str],
    run_trial: Callable[..., bytes],
) -> None:
    job_id = post_job()
    model = run_trial(job_id, 0)
    url = f"/v1/jobs/{job_id}/best/model"
    assert http.get(url).content == model
    path = context.settings.attempt_dir(job_id, 0, 1) / "model.keras"
    path.write_bytes(model[:-1])
    _is_unavailable(http.get(url), "isn't what its training wrote")
    path.write_bytes(model)
    assert http.get(url).content == model
