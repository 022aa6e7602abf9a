"""The study of a job: what to try next, from all that was tried."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from random import Random
from typing import Literal, NamedTuple, Self, cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial, create_trial
from optuna.trial import TrialState as OptunaState

from kerasearch.searchspaces.parameters import Params, Value
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import (
    Latent,
    latent_of,
    to_display,
    to_optuna,
    value_of,
)
from kerasearch.service.sampling.enumeration import configurations
from kerasearch.service.sampling.samplers import SAMPLERS, MakeSampler
from kerasearch.service.trials import TrialState, identity_of

optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces every study on stderr

PROPOSALS = 10  # of the sampler, until one is no duplicate; each may cost some 10 ms
DRAWS = 1000  # at random then; some 10 microseconds each

Direction = Literal["maximize", "minimize"]

_WORST = OptunaState.PRUNED  # without a value


class SpaceExhausted(Exception):  # noqa: N818 - no error: the search is complete
    """No configuration is left that has not been tried."""


class Asked(NamedTuple):
    number: int
    params: Params


class PastTrial(NamedTuple):
    """What a study must know of a trial. `value` is None unless the trial is complete."""

    number: int
    params: Params
    state: TrialState
    value: float | None


class JobStudy:
    """The optimization that a job runs.

    Trials have the job's own numbers, 0, 1, 2, ... in the order asked. What is proposed for trial
    `k` is a function of the seed, `k` and the trials before it, running ones included: the sampler
    is made afresh for each proposal, and a duplicate leaves nothing behind that a sampler sees. So
    `replay`, after a restart, goes on exactly where the study was.

    Optuna's study inside holds latent values (see `distributions`). A trial that came to nothing,
    whatever the reason, is told as pruned without a value, which every sampler takes for the
    worst; what is told as failed Optuna's samplers ignore, and would propose its like again.
    """

    def __init__(
        self, space: SearchSpace, direction: Direction, make_sampler: MakeSampler, seed: int
    ) -> None:
        self._space = space
        self._direction = direction
        self._make_sampler = make_sampler
        self._seed = seed
        self._latent = optuna.create_study(direction=direction)
        self._latent_numbers: dict[int, int] = {}
        self._trials: dict[int, PastTrial] = {}
        self._tried: set[Hashable] = set()
        self._next_number = 0
        self._enqueued: deque[Params] = deque()

    @classmethod
    def create(
        cls, space: SearchSpace, direction: Direction, engine: str, sampler: str, seed: int
    ) -> Self:
        """A new study; `engine` and `sampler` are names of `service.jobs.SAMPLERS`."""
        return cls(space, direction, SAMPLERS[engine][sampler], seed)

    @property
    def study(self) -> optuna.Study:
        """A new Optuna study of the same trials in real values, for plots and importances."""
        return study_of_values(self._space, self._direction, self._trials.values())

    def ask(self) -> Asked:
        """The next trial: what was enqueued first, then what the sampler proposes.

        Never a duplicate of an earlier trial, whatever became of that.

        Raises:
            SpaceExhausted: There is nothing left to try.
        """
        number = self._next_number
        rng = Random(f"{self._seed} {number}")  # noqa: S311 - a search, no secret
        for params in self._candidates(rng):
            if identity_of(params) not in self._tried:
                self._add(PastTrial(number, params, TrialState.RUNNING, None))
                return Asked(number, params)
        raise SpaceExhausted(
            f"all that could be found was tried: {len(self._tried)} configurations"
        )

    def tell(self, number: int, value: float) -> None:
        """The trial is complete, and this is its objective: a finite number."""
        self._latent.tell(self._latent_numbers[number], value, state=OptunaState.COMPLETE)
        self._end(number, TrialState.COMPLETE, value)

    def tell_failed(self, number: int) -> None:
        """The trial ended without a value: infeasible, failed or cancelled."""
        self._latent.tell(self._latent_numbers[number], state=_WORST)
        self._end(number, TrialState.FAILED, None)

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
        """Params to try next, the wished ones first, duplicates among them."""
        while self._enqueued:
            yield self._enqueued.popleft()
        size = self._space.size()
        if size is not None and len(self._tried) >= size:
            return
        for _ in range(PROPOSALS):
            yield self._sample(rng.getrandbits(31))
        for _ in range(DRAWS):
            yield self._space.sample(rng)
        if size is not None:
            yield from configurations(self._space)

    def _sample(self, seed: int) -> Params:
        """What the sampler proposes; the trial that Optuna needs for it is told as failed."""
        self._latent.sampler = self._make_sampler(self._space, seed)
        trial = self._latent.ask()
        params: Params = {}
        for name, parameter in self._space.parameters.items():
            if self._space.is_active(name, params):
                params[name] = value_of(parameter, _suggest(trial, name, to_optuna(parameter)))
        self._latent.tell(trial, state=OptunaState.FAIL)
        return params

    def _add(self, trial: PastTrial) -> None:
        self._trials[trial.number] = trial
        self._tried.add(identity_of(trial.params))
        self._next_number = trial.number + 1
        self._latent_numbers[trial.number] = len(self._latent.get_trials(deepcopy=False))
        parameters = {name: self._space.parameters[name] for name in trial.params}
        complete = trial.state is TrialState.COMPLETE
        ended = OptunaState.COMPLETE if complete else _WORST
        self._latent.add_trial(
            create_trial(
                state=ended if trial.state.ended else OptunaState.RUNNING,
                value=trial.value if complete else None,
                params={name: latent_of(p, trial.params[name]) for name, p in parameters.items()},
                distributions={name: to_optuna(p) for name, p in parameters.items()},
            )
        )

    def _end(self, number: int, state: TrialState, value: float | None) -> None:
        self._trials[number] = self._trials[number]._replace(state=state, value=value)


def study_of_values(
    space: SearchSpace, direction: Direction, trials: Iterable[PastTrial]
) -> optuna.Study:
    """An Optuna study of trials in the values that a person sees, for plots and importances."""
    trials = sorted(trials, key=lambda trial: trial.number)
    values: dict[str, list[Value]] = defaultdict(list)
    for trial in trials:
        for name, value in trial.params.items():
            values[name].append(value)
    distributions = {name: to_display(space.parameters[name], values[name]) for name in values}
    study = optuna.create_study(direction=direction)
    for trial in trials:
        complete = trial.state is TrialState.COMPLETE
        ended = OptunaState.COMPLETE if complete else OptunaState.FAIL
        study.add_trial(
            create_trial(
                state=ended if trial.state.ended else OptunaState.RUNNING,
                value=trial.value if complete else None,
                params=trial.params,
                distributions={name: distributions[name] for name in trial.params},
            )
        )
    return study


def _suggest(trial: Trial, name: str, distribution: BaseDistribution) -> Latent:
    match distribution:
        case CategoricalDistribution():
            return cast(int, trial.suggest_categorical(name, distribution.choices))  # an index
        case IntDistribution():
            return trial.suggest_int(
                name,
                distribution.low,
                distribution.high,
                step=distribution.step,
                log=distribution.log,
            )
        case FloatDistribution():
            return trial.suggest_float(
                name, distribution.low, distribution.high, log=distribution.log
            )
    raise TypeError(f"nothing is drawn from {distribution!r}")
