"""A study's trials as Optuna's samplers see them."""

from bisect import insort
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import datetime
from typing import NamedTuple

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from kerasearch.models.tasks import Direction
from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.pareto import Costs, costs_of
from kerasearch.service.sampling.distributions import latent_of, to_optuna
from kerasearch.service.sampling.samplers import Sampler
from kerasearch.service.sampling.thinning import thinned
from kerasearch.service.trials import TrialState

_WHEN = datetime(2000, 1, 1)


class PastTrial(NamedTuple):
    """What a study must know of a trial.

    Attributes:
        values: Of one that is complete; of one that was pruned, what it had come to, if anything.
        step: The last one that a pruned trial took.
    """

    number: int
    params: Params
    state: TrialState
    values: tuple[float, ...] | None = None
    step: int = 0


class History:
    """The trials of a study in latent values (see `distributions`), in the order asked.

    A trial that came to nothing, whatever the reason, is there as pruned without a value, which
    samplers take for the worst; what is told as failed Optuna's samplers ignore, and would propose
    its like again.
    """

    def __init__(self, space: SearchSpace, directions: Sequence[Direction]) -> None:
        self._parameters = space.parameters
        self._distributions = {name: to_optuna(p) for name, p in space.parameters.items()}
        self._directions = directions
        self._trials: list[FrozenTrial] = []
        self._running: set[int] = set()
        self._ended: list[int] = []
        self._costs: dict[int, Costs] = {}

    def __len__(self) -> int:
        return len(self._trials)

    def add(self, trial: PastTrial) -> int:
        """Its place, by which it is told of."""
        place = len(self)
        self._trials.append(self._frozen(place, trial.params))
        self._running.add(place)
        if trial.state is TrialState.PRUNED and trial.values is not None:
            self.prune(place, trial.values[0], trial.step)
        elif trial.state.ended:
            self.end(place, trial.values if trial.state is TrialState.COMPLETE else None)
        return place

    def end(self, place: int, values: Sequence[float] | None) -> None:
        """Tell of a running trial that it ended, complete if it has values.

        Raises:
            ValueError: It ended before.
        """
        self._end(place, _ended(self._trials[place], values))
        if values is not None:
            self._costs[place] = costs_of(values, self._directions)

    def prune(self, place: int, value: float, step: int) -> None:
        """Tell of a running trial that it was pruned after a step, and what it had come to.

        Of several objectives it has come to nothing, since only the first one's value is known.
        """
        if len(self._directions) > 1:
            self.end(place, None)
            return
        pruned = _ended(self._trials[place], None)
        pruned.values = [value]
        pruned.intermediate_values = {step: value}
        self._end(place, pruned)

    def resume(self, place: int) -> None:
        """A pruned trial runs again, until it is told of again."""
        self._ended.remove(place)
        self._running.add(place)
        running = copy(self._trials[place])
        running.state, running.values, running.intermediate_values = OptunaState.RUNNING, None, {}
        running.datetime_complete = None
        self._trials[place] = running

    def _end(self, place: int, ended: FrozenTrial) -> None:
        if place not in self._running:
            raise ValueError("a trial is told of once, and this one ended before")
        self._running.remove(place)
        insort(self._ended, place)
        self._trials[place] = ended

    def seen_by(self, sampler: Sampler, forbidden: Iterable[Params]) -> list[FrozenTrial]:
        """What a sampler is shown; params that a constraint forbids come last and as the worst."""
        if sampler.most == 0:
            return []
        if sampler.most is None or len(self._ended) <= sampler.most:
            seen = list(self._trials)
        else:
            places = {*thinned(self._ended, self._costs, sampler.most), *self._running}
            seen = [self._trials[place] for place in sorted(places)]
        seen += [
            _ended(self._frozen(place, params), None)
            for place, params in enumerate(forbidden, start=len(self))
        ]
        return self._with_values(seen) if sampler.wants_values else seen

    def _with_values(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """The same, all as complete: those that came to nothing with the worst values there are."""
        costs = [max(costs) for costs in zip(*self._costs.values(), strict=True)]
        worst = costs_of(costs, self._directions) if costs else None
        return [
            _ended(trial, trial.values or worst) if trial.state is OptunaState.PRUNED else trial
            for trial in trials
        ]

    def _frozen(self, place: int, params: Params) -> FrozenTrial:
        return FrozenTrial(
            number=place + 1,  # the trial that is asked for has number 0
            trial_id=place + 1,
            state=OptunaState.RUNNING,
            value=None,
            params={name: latent_of(self._parameters[name], params[name]) for name in params},
            distributions={name: self._distributions[name] for name in params},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            datetime_start=_WHEN,
            datetime_complete=None,
        )


def _ended(trial: FrozenTrial, values: Sequence[float] | None) -> FrozenTrial:
    """A copy that is complete with these values, or came to nothing."""
    ended = copy(trial)
    ended.state = OptunaState.PRUNED if values is None else OptunaState.COMPLETE
    ended.values = None if values is None else list(values)
    ended.datetime_complete = _WHEN
    return ended
