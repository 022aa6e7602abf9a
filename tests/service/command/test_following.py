import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from kerasearch.service.answers import NoServer, ServerError
from kerasearch.service.client import Client
from kerasearch.service.command import following
from kerasearch.service.command.following import Change, EpochReport, follow
from kerasearch.service.jobs import (
    DataRequest,
    Job,
    JobRequest,
    JobState,
    PickedPruner,
    PickedSampler,
    Progress,
)
from kerasearch.service.trials import Attempt, Trial, TrialState

RUNNING, COMPLETE = TrialState.RUNNING, TrialState.COMPLETE


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RETRY_S", 0)
    monkeypatch.setattr(following, "POLL_S", 0)


class Service:
    """A job whose trials are in the states of `trials`, and that has ended once `ended` is set.

    A trial has had one attempt unless `attempts` says otherwise.

    Each connection to its events gives the next of `streams`: text to send, or an error to raise.
    """

    def __init__(self, *streams: str | httpx.Response | Exception) -> None:
        self.streams = list(streams)
        self.trials: dict[int, TrialState] = {}
        self.attempts: dict[int, int] = {}
        self.ended = False
        self.resumed_from: list[str | None] = []
        self.on_stream: Callable[[], None] = lambda: None
        self.down = False

    def client(self) -> Client:
        return Client("http://127.0.0.1:1", transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        if request.url.path.endswith("/events"):
            self.resumed_from.append(request.headers.get("Last-Event-ID"))
            self.on_stream()
            stream = self.streams.pop(0)
            if isinstance(stream, Exception):
                raise stream
            if isinstance(stream, httpx.Response):
                return stream
            return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=stream)
        if request.url.path.endswith("/trials"):
            items = [self.trial(number) for number in self.trials]
            return httpx.Response(200, json={"items": items, "next": None})
        if number := re.search(r"/trials/(\d+)$", request.url.path):
            return httpx.Response(200, json=self.trial(int(number[1])))
        return httpx.Response(200, json=self.job())

    def trial(self, number: int) -> dict[str, object]:
        state, count = self.trials[number], self.attempts.get(number, 1)
        begun = datetime(2026, 11, 21, tzinfo=UTC)
        open_since = {"started_at": begun, "ended_at": None, "outcome": None, "reason": None}
        attempts = [
            Attempt(number=i, device=None, pid=None, **open_since) for i in range(1, count + 1)
        ]
        trial = Trial(number=number, state=state, params={}, seed=0, attempts=attempts)
        return trial.model_dump(mode="json")

    def job(self) -> dict[str, object]:
        job = Job(
            id="j",
            name="j",
            state=JobState.COMPLETED if self.ended else JobState.RUNNING,
            request=JobRequest(model="mlp", data=DataRequest(dataset="digits")),
            sampler=PickedSampler(name="tpe", why="it was asked for"),
            pruner=PickedPruner(),
            dataset_id="d",
            trials={},
            progress=Progress(done=0, total=2, elapsed_s=0.0, eta_s=None),
            created_at="2026-11-21T10:00:00Z",
        )
        return job.model_dump(mode="json")


def event(event_id: int, kind: str, **data: object) -> str:
    if kind == "trial":
        data = {"state": "running", "attempt": 1} | data
    return f"id: {event_id}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def told(changes: list[Change]) -> list[object]:
    """Changes in short: a job's state, a trial's number and state, or a report."""
    short: list[object] = []
    for change in changes:
        if isinstance(change, Job):
            short.append(str(change.state))
        elif isinstance(change, Trial):
            short.append((change.number, str(change.state)))
        else:
            short.append(change)
    return short


def test_a_job_that_has_ended_is_told_with_its_trials_and_no_stream_is_opened() -> None:
    service = Service()
    service.trials, service.ended = {0: COMPLETE}, True
    assert told(list(follow(service.client(), "j", pytest.fail))) == [(0, "complete"), "completed"]
    assert service.resumed_from == []


def test_events_lead_to_changes_until_the_job_has_ended() -> None:
    report = event(2, "report", number=0, retraining=None, epoch=3, val_accuracy=0.5, loss=None)
    service = Service(event(1, "trial", number=0, retraining=None) + report + event(3, "job"))
    service.trials = {0: RUNNING}
    changes = follow(service.client(), "j", pytest.fail)
    assert told([next(changes) for _ in range(6)]) == [
        *[(0, "running"), "running"],  # as it was
        *[(0, "running"), "running"],  # once the stream was open
        (0, "running"),
        EpochReport(0, 3, {"val_accuracy": 0.5, "loss": None}),
    ]
    service.trials[0], service.ended = COMPLETE, True
    assert told(list(changes)) == [(0, "complete"), "completed"]


def test_an_ended_trial_is_told_once_however_often_the_stream_tells_it() -> None:
    twice = event(1, "trial", number=0, retraining=None)
    service = Service(twice + twice + event(2, "job"))
    service.trials = {0: RUNNING}
    changes = follow(service.client(), "j", pytest.fail)
    before = [next(changes) for _ in range(4)]
    service.trials[0] = COMPLETE
    after = [next(changes) for _ in range(2)]
    service.ended = True
    assert told(before + after + list(changes)).count((0, "complete")) == 1


def test_a_trial_that_goes_on_from_a_rung_is_told_again() -> None:
    waits = event(1, "trial", number=0, retraining=None, state="pruned")
    again = event(2, "trial", number=0, retraining=None, state="queued")
    runs = event(3, "trial", number=0, retraining=None, attempt=2)
    report = event(4, "report", number=0, retraining=None, epoch=9)
    service = Service(waits + again + runs + report + event(5, "job"))
    service.trials = {0: TrialState.PRUNED}
    changes = follow(service.client(), "j", pytest.fail)
    assert told([next(changes) for _ in range(3)]) == [(0, "pruned"), "running", "running"]
    service.trials[0] = TrialState.QUEUED
    assert told([next(changes)]) == [(0, "queued")]
    service.trials[0], service.attempts[0] = RUNNING, 2
    assert told([next(changes) for _ in range(2)]) == [(0, "running"), EpochReport(0, 9, {})]
    service.trials[0], service.ended = COMPLETE, True
    assert told(list(changes)) == [(0, "complete"), "completed"]


def test_repeats_of_a_retraining_are_no_trials_of_the_search() -> None:
    service = Service(event(1, "trial", number=7, retraining="r1") + event(2, "job"))
    changes = follow(service.client(), "j", pytest.fail)
    before = [next(changes) for _ in range(2)]
    service.ended = True
    assert told(before + list(changes)) == ["running", "running", "completed"]


def test_a_stream_that_breaks_is_resumed_after_the_last_event() -> None:
    service = Service(
        event(41, "trial", number=0, retraining=None), httpx.ReadError("reset"), event(42, "job")
    )
    service.trials = {0: RUNNING}
    said: list[str] = []

    def end_at_third() -> None:
        service.ended = len(service.resumed_from) == 3

    service.on_stream = end_at_third
    assert told(list(follow(service.client(), "j", said.append)))[-1] == "completed"
    assert service.resumed_from == [None, "41", "41"]
    assert said == ["the server at http://127.0.0.1:1 broke off: reset; trying again"]


def test_a_server_without_a_stream_is_asked_again_and_again() -> None:
    service = Service(httpx.Response(404, json={"status": 404, "detail": "no events here"}))
    service.trials = {0: RUNNING}
    said: list[str] = []
    changes = follow(service.client(), "j", said.append)
    before = [next(changes) for _ in range(4)]
    service.trials, service.ended = {0: COMPLETE}, True
    assert told(before + list(changes))[-2:] == [(0, "complete"), "completed"]
    assert said == ["no events (no events here): asking every 0 s"]


def test_a_server_that_stays_away_is_given_up() -> None:
    service = Service()
    changes = follow(service.client(), "j", lambda _: None)
    next(changes)
    service.down = True
    with pytest.raises(NoServer):
        list(changes)


def test_an_unknown_job_is_refused_at_once() -> None:
    answer = httpx.Response(404, json={"status": 404, "detail": "no job 'j'"})
    client = Client("http://127.0.0.1:1", transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(ServerError, match="no job 'j'"):
        list(follow(client, "j", pytest.fail))
