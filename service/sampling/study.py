"""The study of a job: what to try next, from all that was tried."""

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any, NamedTuple, Protocol, Self

import optuna

from kerasearch.models.tasks import Direction
from kerasearch.searchspaces.parameters import Params, Value
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.display import study_of_values
from kerasearch.service.sampling.enumeration import configurations
from kerasearch.service.sampling.generations import Generations
from kerasearch.service.sampling.history import History, PastTrial
from kerasearch.service.sampling.options import OPTIONS
from kerasearch.service.sampling.samplers import SAMPLERS, Call, MakeSampler, Sampler
from kerasearch.service.sampling.suggestion import suggest_params
from kerasearch.service.sampling.view import view
from kerasearch.service.trials import TrialState, identity_of

DRAWS = 1000
"""At random, where the sampler proposed nothing new; some 10 microseconds each."""

ENUMERATED = 1_000_000
"""Configurations of a finite space, from its first, among which an untried one is looked for."""


class SpaceExhausted(Exception):  # noqa: N818 - no error: the search is complete
    """No configuration is left that has not been tried."""


class Asked(NamedTuple):
    number: int
    params: Params


class Rules(Protocol):
    """What params must keep beyond their space."""

    def violated(self, params: Mapping[str, Value]) -> str | None:
        """Why params don't keep them; None if they do."""


class JobStudy:
    """The optimization that a job runs.

    Trials have the job's own numbers, 0, 1, 2, ... in the order asked. What is proposed for trial
    `k` is a function of the seed, `k` and the trials before it, running ones included: the sampler
    is made afresh for each proposal, and what becomes no trial leaves nothing behind that a
    sampler sees. So `replay`, after a restart, goes on exactly where the study was; where nothing
    is learned, numbers that were asked and became no trial are asked again.

    Args:
        directions: Of the objectives, one or several.
        options: As the sampler's model in `OPTIONS` dumps them.
        constraints: What they forbid is never tried. A sampler that proposes it is shown it as the
            worst, until this trial is found.
        earlier: Trials of other jobs, for the sampler to learn from; they may be tried here again.
    """

    def __init__(
        self,
        space: SearchSpace,
        directions: Sequence[Direction],
        sampler: Sampler,
        options: Mapping[str, Any],
        seed: int,
        constraints: Rules | None = None,
        earlier: Iterable[PastTrial] = (),
    ) -> None:
        self._space = space
        self._size = space.size()
        self._directions = directions
        self._sampler = sampler
        self._options = options
        self._seed = seed
        self._constraints = constraints
        self._history = History(space, directions)
        for trial in earlier:
            self._history.add(trial)
        self._generations: Generations[Any] = Generations()
        self._places: dict[int, int] = {}
        self._trials: dict[int, PastTrial] = {}
        self._tried: set[Hashable] = set()
        self._next_number = 0
        self._enqueued: deque[Params] = deque()
        # Looked through once: what can't be tried at one time never can later.
        every = () if self._size is None else configurations(space)
        self._in_order = islice(every, ENUMERATED)

    @classmethod
    def create(
        cls,
        space: SearchSpace,
        directions: Sequence[Direction],
        engine: str,
        sampler: str,
        seed: int,
        *,
        options: Mapping[str, Any] | None = None,
        constraints: Rules | None = None,
        earlier: Iterable[PastTrial] = (),
    ) -> Self:
        """A new study; `engine` and `sampler` are names of `SAMPLERS`."""
        checked = OPTIONS[engine][sampler].model_validate(options or {}).model_dump()
        kind = SAMPLERS[engine][sampler]
        return cls(space, directions, kind, checked, seed, constraints, earlier)

    @property
    def study(self) -> optuna.Study:
        """A new Optuna study of the same trials in real values, for plots and importances."""
        return study_of_values(self._space, self._directions, self._trials.values())

    @property
    def foresees(self) -> bool:
        """Whether the next trial is the same however those that run will end."""
        return not (self._enqueued or self._sampler.learns)

    def ask(self) -> Asked:
        """The next trial: what was enqueued first, then what the sampler proposes.

        Never a duplicate of an earlier trial, whatever became of that.

        Raises:
            SpaceExhausted: There is nothing left to try.
        """
        number = self._next_number
        rng = Random(f"{self._seed} {number}")  # noqa: S311 - a search, no secret
        for params in self._candidates(rng):
            if identity_of(params) not in self._tried and not self._forbids(params):
                self._add(PastTrial(number, params, TrialState.RUNNING))
                return Asked(number, params)
        raise SpaceExhausted(
            f"all that could be found was tried: {len(self._tried)} configurations"
        )

    def tell(self, number: int, *values: float) -> None:
        """The trial is complete, and these are its objectives: finite numbers."""
        self._end(number, TrialState.COMPLETE, values)

    def tell_failed(self, number: int) -> None:
        """The trial ended without a value: infeasible, failed or cancelled."""
        self._end(number, TrialState.FAILED, None)

    def tell_pruned(self, number: int, value: float, step: int) -> None:
        """The trial was ended after a step, an epoch or a training; its value until then."""
        self._history.prune(self._places[number], value, step)
        self._trials[number] = self._trials[number]._replace(
            state=TrialState.PRUNED, values=(value,), step=step
        )

    def resume(self, number: int) -> None:
        """A trial that was told as pruned runs again, until it is told again."""
        self._history.resume(self._places[number])
        self._trials[number] = self._trials[number]._replace(
            state=TrialState.RUNNING, values=None, step=0
        )

    def enqueue(self, params: Params) -> None:
        """Has these params tried next, unless they were tried already.

        Raises:
            InvalidInput: They lie outside the space.
        """
        self._enqueued.append(self._space.check(params))

    def replay(self, trials: Iterable[PastTrial]) -> None:
        """Takes in the trials of an earlier life of this study, ended and running ones."""
        for trial in sorted(trials, key=lambda trial: trial.number):
            self._add(trial)

    def _candidates(self, rng: Random) -> Iterator[Params]:
        """Params to try next, the wished ones first; some can't be tried."""
        while self._enqueued:
            yield self._enqueued.popleft()
        if self._size is not None and len(self._tried) >= self._size:
            return
        if (make := self._sampler.make) is not None:
            yield from self._proposals(make, rng)
            for _ in range(DRAWS):
                yield self._space.sample(rng)
        yield from self._in_order

    def _proposals(self, make: MakeSampler, rng: Random) -> Iterator[Params]:
        forbidden: list[Params] = []
        for _ in range(self._sampler.proposals):
            past = self._history.seen_by(self._sampler, forbidden)
            call = Call(
                space=self._space,
                options=self._options,
                study_seed=self._seed,
                number=self._next_number,
                seed=rng.getrandbits(31),
                trials=len(self._history),
                seen=len(past),
                several=len(self._directions) > 1,
                generations=self._generations,
            )
            params = suggest_params(view(past, self._directions, make(call)).ask(), self._space)
            yield params
            if self._forbids(params):
                forbidden.append(params)

    def _forbids(self, params: Params) -> bool:
        return self._constraints is not None and self._constraints.violated(params) is not None

    def _add(self, trial: PastTrial) -> None:
        self._trials[trial.number] = trial
        self._tried.add(identity_of(trial.params))
        if self._sampler.learns:  # from trials in their order
            self._next_number = max(self._next_number, trial.number + 1)
        while self._next_number in self._trials:
            self._next_number += 1
        self._places[trial.number] = self._history.add(trial)

    def _end(self, number: int, state: TrialState, values: tuple[float, ...] | None) -> None:
        self._history.end(self._places[number], values)
        self._trials[number] = self._trials[number]._replace(state=state, values=values)
