import json
from collections.abc import Callable

import httpx
import pytest

from kerasearch.service.answers import NoServer, ServerError
from kerasearch.service.client import Client
from kerasearch.service.jobs import (
    DataRequest,
    Job,
    JobRequest,
    JobState,
    PickedPruner,
    PickedSampler,
    Progress,
)

URL = "http://127.0.0.1:8000"
REQUEST = {"model": "mlp", "data": {"dataset": "digits"}}


def a_job(job_id: str = "j1") -> dict[str, object]:
    job = Job(
        id=job_id,
        name="digits",
        state=JobState.QUEUED,
        request=JobRequest(model="mlp", data=DataRequest(dataset="digits")),
        sampler=PickedSampler(name="tpe", why="it was asked for"),
        pruner=PickedPruner(),
        dataset_id="d",
        trials={},
        progress=Progress(done=0, total=20, elapsed_s=0.0, eta_s=None),
        created_at="2026-11-21T10:00:00Z",
    )
    return job.model_dump(mode="json")


def client_of(answer: Callable[[httpx.Request], httpx.Response], key: str | None = None) -> Client:
    return Client(URL, key, transport=httpx.MockTransport(answer))


def problem(status: int, **document: object) -> httpx.Response:
    return httpx.Response(status, json={"status": status, **document})


def test_a_submitted_job_comes_back_typed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/v1/jobs")
        assert json.loads(request.content) == REQUEST
        return httpx.Response(202, json=a_job())

    assert client_of(answer).submit(REQUEST).state is JobState.QUEUED


def test_every_submission_has_a_key_of_its_own() -> None:
    keys = set()

    def answer(request: httpx.Request) -> httpx.Response:
        keys.add(request.headers["Idempotency-Key"])
        return httpx.Response(202, json=a_job())

    client = client_of(answer)
    client.submit(REQUEST)
    client.submit(REQUEST)
    assert len(keys) == 2


def test_a_submission_that_breaks_is_sent_again_with_the_same_key() -> None:
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("connection reset")
        return httpx.Response(202, json=a_job())

    assert client_of(answer).submit(REQUEST).id == "j1"
    assert keys[0] == keys[1]


def test_a_server_that_is_not_there_is_a_sentence_that_says_how_to_start_one() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(NoServer) as refused:
        client_of(answer).submit(REQUEST)
    assert str(refused.value) == f"no server at {URL}: start one with 'kerasearch serve'"
    assert not client_of(answer).is_ready()


def test_a_refusal_carries_its_sentence_and_every_pointer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        errors = [{"pointer": "/model", "detail": "no model family 'ltsm'"}]
        return problem(422, title="Unprocessable", detail="wrong", errors=errors)

    with pytest.raises(ServerError, match="wrong") as refused:
        client_of(answer).submit(REQUEST)
    assert refused.value.problem.errors[0].pointer == "/model"


def test_a_refusal_by_something_else_says_who_answered_what() -> None:
    with pytest.raises(ServerError, match=f"{URL}/v1/jobs/j answered 502 Bad Gateway"):
        client_of(lambda _: httpx.Response(502, text="<html>")).job("j")


def test_an_answer_of_another_service_is_not_understood() -> None:
    with pytest.raises(ServerError, match="is a Kerasearch of this version there"):
        client_of(lambda _: httpx.Response(200, json={"hello": 1})).job("j")
    with pytest.raises(ServerError, match="is a Kerasearch of this version there"):
        list(client_of(lambda _: httpx.Response(200, json={"items": [{}]})).jobs())


def test_a_list_is_read_page_by_page_as_it_is_asked_for() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        last = "cursor" in request.url.params
        return httpx.Response(
            200, json={"items": [a_job(f"j{len(asked)}")], "next": None if last else "7"}
        )

    jobs = client_of(answer).jobs(state="running")
    assert next(jobs).id == "j1"
    assert asked == [{"state": "running"}]
    assert [job.id for job in jobs] == ["j2"]
    assert asked[1] == {"state": "running", "cursor": "7"}


def test_the_key_is_sent_as_a_bearer_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        return httpx.Response(200, json=a_job())

    client_of(answer, "secret").job("j1")


def test_a_name_can_not_leave_its_place_in_the_path() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/v1/jobs/..%2F..%2Fadmin%3Fx"
        return problem(404, detail="no job")

    with pytest.raises(ServerError, match="no job"):
        client_of(answer).job("../../admin?x")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", ""])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"like http://127\.0\.0\.1:8000"):
        Client(url)


def test_events_are_read_with_their_ids_past_signs_of_life() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Last-Event-ID"] == "3"
        text = (
            'id: 4\nevent: trial\ndata: {"number": 0}\n\n: ping\n\nid: 5\nevent: job\ndata: {}\n\n'
        )
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)

    with client_of(answer).events("j1", "3") as events:
        assert [(event.id, event.kind, event.data) for event in events] == [
            ("4", "trial", {"number": 0}),
            ("5", "job", {}),
        ]


def test_a_refused_event_stream_raises_what_the_server_said() -> None:
    refusal = problem(404, detail="no job 'j1'")
    with (
        pytest.raises(ServerError, match="no job 'j1'"),
        client_of(lambda _: refusal).events("j1"),
    ):
        pass


def test_a_job_is_controlled_by_posts_changed_by_a_patch_and_deleted() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, request.url.path, body))
        return (
            httpx.Response(204) if request.method == "DELETE" else httpx.Response(200, json=a_job())
        )

    client = client_of(answer)
    for step in (client.pause, client.resume, client.stop, client.cancel, client.retry):
        assert step("j1").id == "j1"
    client.change("j1", {"budget": {"trials": 9}})
    client.delete("j1")
    steps = ["pause", "resume", "stop", "cancel", "retry"]
    assert asked == [
        *(("POST", f"/v1/jobs/j1/{step}", None) for step in steps),
        ("PATCH", "/v1/jobs/j1", {"budget": {"trials": 9}}),
        ("DELETE", "/v1/jobs/j1", None),
    ]


def test_a_deletion_that_is_refused_raises_what_the_server_said() -> None:
    with pytest.raises(ServerError, match="is running and can't be deleted"):
        client_of(lambda _: problem(409, detail="is running and can't be deleted")).delete("j1")


def test_params_of_ones_own_come_back_as_a_trial() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/v1/jobs/j1/trials")
        assert json.loads(request.content) == {"params": {"layers": 1}}
        trial = {"number": 7, "state": "queued", "params": {"layers": 1}, "seed": 0}
        return httpx.Response(202, json=trial)

    assert client_of(answer).enqueue("j1", {"layers": 1}).number == 7
