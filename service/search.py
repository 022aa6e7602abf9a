"""One job's search as the scheduler holds it: its study, and how far it is."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from kerasearch.service.jobs import Job, Plateau
from kerasearch.service.sampling.background import BackgroundStudy
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.pruning import Pruning
from kerasearch.service.sampling.studies import study_of
from kerasearch.service.sampling.study import Asked, SpaceExhausted
from kerasearch.service.store.curves import EpochValue
from kerasearch.service.store.trials import TrialRow
from kerasearch.service.trials import Params, TrialState
from kerasearch.service.warm_start import EarlierTrial

AHEAD = 16
"""Trials that are asked for at once where their order is free."""


@dataclass
class Search:
    """A job that has begun and its study.

    Attributes:
        pruning: What ends trials that run; None where nothing does, or rungs do.
        running: Numbers of the trials whose end the study doesn't know yet.
        asked: Trials so far.
        failures: Trials without a value since the last one with a value.
        last_failure: Why the last of them had none.
        running_epochs: Of the trials that run.
        exhausted: Every configuration of the space has been tried.
        broken: What the sampler raised, if it did.
        ending: Why no more trials are wanted; None while they are.
    """

    job: Job
    study: BackgroundStudy
    pruning: Pruning | None
    running: set[int]
    asked: int
    failures: int = 0
    last_failure: str | None = None
    running_epochs: int = 0
    exhausted: bool = False
    broken: str | None = None
    ending: str | None = None
    _ahead: list[Asked] = field(default_factory=list)
    _epochs: dict[int, int] = field(default_factory=dict)
    _values: dict[int, float | None] = field(default_factory=dict)
    _has_value: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        job: Job,
        rows: list[TrialRow],
        earlier: Iterable[EarlierTrial],
        complete: Iterable[list[EpochValue]],
    ) -> "Search":
        """The search of a job that has these trials, whose complete ones have these curves."""
        study = study_of(job.request, earlier)
        study.replay(_past(job, row) for row in rows)
        pruning = Pruning.of(job)
        if pruning is not None:
            for values in complete:
                pruning.add_complete(values)
        unended = {row.number for row in rows if not row.state.ended}
        search = cls(job, BackgroundStudy(study), pruning, unended, len(rows))
        for row in rows:
            if row.state.ended:
                search._count(row)
        return search

    def ask(self, patience_s: float, distance: Callable[[Params], int]) -> Asked | None:
        """The next trial; None where the sampler thinks for longer: ask again.

        Where neither a result nor a limit can change what is tried, trials come in blocks of
        AHEAD, and of a block the nearest first.

        Raises:
            SpaceExhausted: There is nothing left to try.
        """
        if not self._ahead:
            self._ask_ahead(patience_s)
        if not self._ahead:
            return None
        near = distance if self._is_foreseen else lambda params: 0
        nearest = min(self._ahead, key=lambda asked: (near(asked.params), asked.number))
        self._ahead.remove(nearest)
        return nearest

    def _ask_ahead(self, patience_s: float) -> None:
        to_come = self.job.request.budget.trials - self.asked
        wanted = min(AHEAD, to_come) if self._is_foreseen else 1
        until = time.monotonic() + patience_s
        try:
            while len(self._ahead) < wanted:
                if (asked := self.study.ask(max(0.0, until - time.monotonic()))) is None:
                    return
                self._ahead.append(asked)
        except SpaceExhausted:
            if not self._ahead:
                raise

    @property
    def _is_foreseen(self) -> bool:
        """Whether what will have been tried in the end is known, so that its order is free."""
        budget = self.job.request.budget
        limits = (budget.time_s, budget.target, budget.plateau, budget.epochs_total)
        is_endless = all(limit is None for limit in limits) and self.job.pruner.name == "none"
        return is_endless and self.study.foresees

    @property
    def valued(self) -> bool:
        """Whether a trial had a value."""
        return any(self._has_value.values())

    @property
    def epochs(self) -> int:
        """Of all trials so far."""
        return sum(self._epochs.values()) + self.running_epochs

    def tell(self, row: TrialRow) -> None:
        """A trial has ended."""
        self.running.discard(row.number)
        values = row.values(self.job.request.objectives)
        if values is not None:
            self.study.tell(row.number, *values)
        elif row.state is TrialState.PRUNED and row.value is not None:
            self.study.tell_pruned(row.number, row.value, row.epochs)
        else:
            self.study.tell_failed(row.number)
        self._count(row)

    def go_on(self, number: int) -> None:
        """A trial that was pruned at a rung is to be continued."""
        if number not in self.running:
            self.running.add(number)
            self.study.resume(number)
            del self._epochs[number]

    def knows(self, row: TrialRow) -> bool:
        """Whether a trial that hasn't ended is one that runs, or was pruned until now."""
        has_ended = row.number in self._epochs
        return row.number in self.running or (row.value is not None and has_ended)

    def failure(self) -> str | None:
        """Why the job can't succeed any more, if so."""
        if self.broken is not None:
            return self.broken
        most = self.job.request.budget.failures
        if self.failures >= most and self._failures_by_number() >= most:
            return f"{self.failures} trials in a row had no value; the last: {self.last_failure}"
        return None

    def limit(self) -> str | None:
        """Which limit is reached, so that nothing is to begin any more."""
        job, budget = self.job, self.job.request.budget
        if job.best is not None and budget.target is not None:
            reached = self._sign * (budget.target - job.best.value)
            if reached >= 0:
                return f"the target {budget.target:g} was reached by trial {job.best.number}"
        if budget.plateau is not None and self._is_at(budget.plateau):
            least = f" by more than {budget.plateau.min_delta:g}" * (budget.plateau.min_delta > 0)
            return f"none of the last {budget.plateau.trials} trials bettered the best{least}"
        if budget.time_s is not None and job.progress.elapsed_s >= budget.time_s:
            return f"the time budget of {budget.time_s:g} s is used up"
        if budget.epochs_total and self.epochs >= budget.epochs_total:
            return f"the budget of {budget.epochs_total} epochs over all trials is used up"
        return None

    def used_up(self) -> str | None:
        """Why no more trials can be asked for; those that wait may begin."""
        if self.asked >= self.job.request.budget.trials:
            return f"the budget of {self.job.request.budget.trials} trials is used up"
        return "every configuration of the space has been tried" if self.exhausted else None

    @property
    def _sign(self) -> int:
        """That makes less better."""
        return -1 if self.job.request.directions[0] == "maximize" else 1

    def _failures_by_number(self) -> int:
        """Trials without a value after the last one with a value, before the first yet to begin.

        Alike ones may run in a row, whose numbers are far apart.
        """
        to_come = min((asked.number for asked in self._ahead), default=math.inf)
        numbers = sorted((n for n in self._has_value if n < to_come), reverse=True)
        return sum(1 for _ in takewhile(lambda number: not self._has_value[number], numbers))

    def _is_at(self, plateau: Plateau) -> bool:
        """Trials count in the order of their numbers, whichever ended first."""
        best, since = None, 0
        for _, value in sorted(self._values.items()):
            since += 1
            if value is not None and (
                best is None or self._sign * value < self._sign * best - plateau.min_delta
            ):
                best, since = value, 0
        return best is not None and since >= plateau.trials

    def _count(self, row: TrialRow) -> None:
        self._epochs[row.number] = row.epochs
        complete = row.state is TrialState.COMPLETE
        self._values[row.number] = row.value if complete else None
        self._has_value[row.number] = row.value is not None
        if row.value is not None:
            self.failures = 0
        else:
            self.failures += 1
            self.last_failure = row.reason


def _past(job: Job, row: TrialRow) -> PastTrial:
    values = row.values(job.request.objectives)
    if values is None and row.state is TrialState.PRUNED and row.value is not None:
        return PastTrial(row.number, row.params, row.state, (row.value,), row.epochs)
    return PastTrial(row.number, row.params, row.state, values)
