"""Past trials as an Optuna study, for one proposal."""

from collections.abc import Container, Iterable, Sequence

import optuna
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from kerasearch.models.tasks import Direction


def view(
    past: Iterable[FrozenTrial],
    directions: Sequence[Direction | StudyDirection],
    sampler: BaseSampler,
) -> optuna.Study:
    """A study of past trials for one `ask`, which leaves no trace on them.

    It costs nothing to make, where `Study.add_trial` would copy each trial.
    """
    return optuna.create_study(
        directions=directions, storage=_View([*past]), sampler=sampler, pruner=NopPruner()
    )


class _View(InMemoryStorage):
    def __init__(self, past: list[FrozenTrial]) -> None:
        super().__init__()
        self._past = past

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[OptunaState] | None = None,
    ) -> list[FrozenTrial]:
        asked = super().get_all_trials(study_id, deepcopy, states)
        return [trial for trial in self._past if states is None or trial.state in states] + asked
