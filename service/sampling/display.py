"""A study in the values that a person sees, for plots and importances."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import optuna
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from kerasearch.models.tasks import Direction
from kerasearch.searchspaces.parameters import Value
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.distributions import to_display
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.trials import TrialState

optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces every study on stderr


def study_of_values(
    space: SearchSpace, directions: Sequence[Direction], trials: Iterable[PastTrial]
) -> optuna.Study:
    """An Optuna study of trials in real values, in the order of their numbers."""
    trials = sorted(trials, key=lambda trial: trial.number)
    values: dict[str, list[Value]] = defaultdict(list)
    for trial in trials:
        for name, value in trial.params.items():
            values[name].append(value)
    distributions = {name: to_display(space.parameters[name], values[name]) for name in values}
    study = optuna.create_study(directions=directions)
    for trial in trials:
        complete = trial.state is TrialState.COMPLETE
        ended = OptunaState.COMPLETE if complete else OptunaState.FAIL
        study.add_trial(
            create_trial(
                state=ended if trial.state.ended else OptunaState.RUNNING,
                values=trial.values if complete else None,
                params=trial.params,
                distributions={name: distributions[name] for name in trial.params},
            )
        )
    return study


def of_first_objective(study: optuna.Study) -> optuna.Study:
    """The same trials with their first value alone, for what is drawn of one objective."""
    if len(study.directions) == 1:
        return study
    alone = optuna.create_study(direction=study.directions[0])
    for trial in study.get_trials(deepcopy=False):
        alone.add_trial(
            create_trial(
                state=trial.state,
                value=trial.values[0] if trial.values else None,
                params=trial.params,
                distributions=trial.distributions,
            )
        )
    return alone
