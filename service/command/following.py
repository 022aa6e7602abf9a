"""What happens in a job, as it happens, over connections that may break."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kerasearch.service.answers import NoServer, ServerError
from kerasearch.service.client import Client, Event
from kerasearch.service.jobs import Job
from kerasearch.service.trials import Trial, TrialState

RETRY_S = 1.0
RETRIES = 60
POLL_S = 2.0

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class EpochReport:
    """What a running trial has reached: `epoch` from 1; a metric that isn't finite is None."""

    trial: int
    epoch: int
    metrics: dict[str, float | None]


Change = Job | Trial | EpochReport


def follow(client: Client, job_id: str, say: Callable[[str], None]) -> Iterator[Change]:
    """Changes from the job as it is now to its end; the last one is the ended job.

    Events say what changed and the service is asked for it, so that one told twice or late does no
    harm. A stream that breaks is opened again where it broke, and `say` is told so; a server that
    has no stream is asked every two seconds.

    Raises:
        ServerError: There is no such job.
        NoServer: The server is gone, for longer than a restart takes.
    """
    following = _Following(client, job_id)
    yield from following.look()
    broken = 0
    while not following.ended:
        try:
            for change in following.listen():
                broken = 0
                yield change
        except ServerError as refused:
            say(f"no events ({refused}): asking every {POLL_S:.0f} s")
            break
        except NoServer as gone:
            broken += 1
            if broken > RETRIES:
                raise
            if broken == 1:
                say(f"{gone}; trying again")
        if not following.ended:
            time.sleep(RETRY_S)
    while not following.ended:
        time.sleep(POLL_S)
        yield from patiently(lambda: list(following.look()), say)


def patiently(ask: Callable[[], Answer], say: Callable[[str], None]) -> Answer:
    """What `ask` gives, asked again while the server is away for no longer than a restart takes."""
    for left in reversed(range(RETRIES + 1)):
        try:
            return ask()
        except NoServer as gone:
            if not left:
                raise
            if left == RETRIES:
                say(f"{gone}; trying again")
            time.sleep(RETRY_S)
    raise AssertionError("unreachable")


class _Following:
    def __init__(self, client: Client, job_id: str) -> None:
        self.client = client
        self.job_id = job_id
        self.ended = False
        self._last_event_id = ""
        self._attempts: dict[int, int] = {}  # of each trial that has ended

    def look(self) -> Iterator[Change]:
        """The job, after every trial that isn't known to have ended."""
        job = self.client.job(self.job_id)  # before its trials: an ended one has no others to come
        for trial in self.client.trials(self.job_id):
            if not (trial.state.ended and self._attempts.get(trial.number) == len(trial.attempts)):
                yield self._saw(trial)
        self.ended = job.state.ended
        yield job

    def listen(self) -> Iterator[Change]:
        with self.client.events(self.job_id, self._last_event_id) as events:
            yield from self.look()  # what happened since the last look, before the stream was open
            for event in events:
                yield from self._changes(event)
                self._last_event_id = event.id or self._last_event_id
                if self.ended:
                    return

    def _changes(self, event: Event) -> Iterator[Change]:
        data = dict(event.data)
        number = data.pop("number", None)
        if event.kind == "trial" and self._goes_on(number, data):
            del self._attempts[number]
        if event.kind == "job":
            yield from self._job()
        elif data.pop("retraining", None) is not None or number in self._attempts:
            return
        elif event.kind == "report":
            yield EpochReport(number, data.pop("epoch"), data)
        elif event.kind == "trial":
            trial = self._saw(self.client.trial(self.job_id, number))
            yield trial
            if trial.state.ended:
                yield from self._job()

    def _goes_on(self, number: int, data: Mapping[str, Any]) -> bool:  # JSON
        """Whether a trial that had ended goes on from a rung, or is tried again."""
        if data["retraining"] is not None or (known := self._attempts.get(number)) is None:
            return False
        attempt: int = data["attempt"]
        return attempt > known or (attempt == known and data["state"] == TrialState.QUEUED)

    def _job(self) -> Iterator[Change]:
        job = self.client.job(self.job_id)
        if job.state.ended:
            yield from self.look()
        else:
            yield job

    def _saw(self, trial: Trial) -> Trial:
        self._attempts.pop(trial.number, None)
        if trial.state.ended:
            self._attempts[trial.number] = len(trial.attempts)
        return trial
