"""A study whose sampler thinks in a thread of its own, so that nobody need wait for it."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from threading import Thread

from kerasearch.service.sampling.study import Asked, JobStudy


class BackgroundStudy:
    """What a `JobStudy` does, in the order it is called, by one caller that never waits for long.

    While the sampler thinks, what the study is told waits until its answer was taken: it proposes
    from what was known when it was asked, as if its caller had waited.
    """

    def __init__(self, study: JobStudy) -> None:
        self._study = study
        self._answer: Future[Asked] | None = None
        self._untold: list[Callable[[], None]] = []

    @property
    def has_answer(self) -> bool:
        """Whether `ask` gives at once what was asked for earlier."""
        return self._answer is not None and self._answer.done()

    @property
    def foresees(self) -> bool:
        """As `JobStudy.foresees`."""
        return self._study.foresees

    def ask(self, patience_s: float) -> Asked | None:
        """The next trial; None where it takes longer: ask again.

        Raises:
            SpaceExhausted: There is nothing left to try.
        """
        if self._answer is None:
            self._answer = _begun(self._study.ask)
            wait([self._answer], patience_s)
        if not self._answer.done():
            return None
        answer, self._answer = self._answer, None
        untold, self._untold = self._untold, []
        for tell in untold:
            tell()
        return answer.result()

    def tell(self, number: int, *values: float) -> None:
        """As `JobStudy.tell`."""
        self._tell(partial(self._study.tell, number, *values))

    def tell_failed(self, number: int) -> None:
        """As `JobStudy.tell_failed`."""
        self._tell(partial(self._study.tell_failed, number))

    def tell_pruned(self, number: int, value: float, step: int) -> None:
        """As `JobStudy.tell_pruned`."""
        self._tell(partial(self._study.tell_pruned, number, value, step))

    def resume(self, number: int) -> None:
        """As `JobStudy.resume`."""
        self._tell(partial(self._study.resume, number))

    def _tell(self, tell: Callable[[], None]) -> None:
        if self._answer is None:
            tell()
        else:
            self._untold.append(tell)


def _begun(ask: Callable[[], Asked]) -> Future[Asked]:
    answer: Future[Asked] = Future()

    def think() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:  # it is the caller's, who takes the answer
            answer.set_exception(error)

    # A pool's thread would keep the process from ending until the sampler is done.
    Thread(target=think, name="sampler", daemon=True).start()
    return answer
