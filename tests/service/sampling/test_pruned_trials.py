"""Samplers learn from pruned trials, and a trial that was pruned may run again."""

import pytest

from kerasearch.models.tasks import Direction
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.study import JobStudy
from kerasearch.service.trials import TrialState

SPACE = SearchSpace.parse(
    {"x": {"type": "float", "low": 0.0, "high": 1.0}, "y": {"type": "int", "low": 0, "high": 99}}
)
PAIRS = [("optuna", "tpe"), ("optuna", "nsgaii"), ("hyperopt", "tpe"), ("hyperopt", "anneal")]


def _study(engine: str, sampler: str, seed: int = 3) -> JobStudy:
    return JobStudy.create(SPACE, ["maximize"], engine, sampler, seed)


def _search(study: JobStudy, trials: int) -> list[PastTrial]:
    """Every third trial completes, and of the pruned ones every second is continued."""
    told: dict[int, PastTrial] = {}
    for _ in range(trials):
        number, params = study.ask()
        value = float(params["x"] or 0)
        if number % 3 == 0:
            study.tell(number, value)
            told[number] = PastTrial(number, params, TrialState.COMPLETE, (value,))
        else:
            study.tell_pruned(number, value / 2, 4)
            told[number] = PastTrial(number, params, TrialState.PRUNED, (value / 2,), 4)
        if number % 6 == 1 and number > 6:
            again = told[number - 6]
            study.resume(again.number)
            study.tell_pruned(again.number, value, 9)
            told[again.number] = again._replace(values=(value,), step=9)
    return [told[number] for number in sorted(told)]


@pytest.mark.parametrize(("engine", "sampler"), PAIRS)
def test_a_study_that_is_replayed_goes_on_as_the_one_that_was_told(
    engine: str, sampler: str
) -> None:
    told = _study(engine, sampler)
    past = _search(told, 26)
    replayed = _study(engine, sampler)
    replayed.replay(past)
    assert [told.ask() for _ in range(3)] == [replayed.ask() for _ in range(3)]


@pytest.mark.parametrize(("engine", "sampler"), [("optuna", "tpe"), ("hyperopt", "tpe")])
def test_what_pruned_trials_came_to_steers_the_sampler(engine: str, sampler: str) -> None:
    """None is complete, and yet the better half of the space is found."""
    drawn = []
    for seed in range(3):
        study = _study(engine, sampler, seed)
        for _ in range(60):
            number, params = study.ask()
            study.tell_pruned(number, float(params["x"] or 0), 5)
        drawn += [float(study.ask().params["x"] or 0) for _ in range(10)]
    assert sum(drawn) / len(drawn) > 0.6


def test_a_resumed_trial_counts_as_running_until_it_is_told_again() -> None:
    study = _study("optuna", "tpe")
    number, _ = study.ask()
    study.tell_pruned(number, 0.5, 1)
    with pytest.raises(ValueError, match="told of once"):
        study.tell(number, 0.6)
    study.resume(number)
    study.tell(number, 0.6)
    (trial,) = study.study.trials
    assert trial.value == 0.6


@pytest.mark.parametrize(("engine", "sampler"), [("optuna", "tpe"), ("optuna", "nsgaii")])
def test_of_several_objectives_a_pruned_trial_counts_as_one_without_values(
    engine: str, sampler: str
) -> None:
    ways: list[Direction] = ["maximize", "minimize"]
    options = {"population_size": 4} if sampler == "nsgaii" else {}

    def study() -> JobStudy:
        return JobStudy.create(SPACE, ways, engine, sampler, 0, options=options)

    pruned, failed, replayed = study(), study(), study()
    past = []
    for number in range(12):
        asked = pruned.ask()
        assert failed.ask() == asked
        if number < 11:
            values = float(asked.params["x"] or 0), float(asked.params["y"] or 0)
            pruned.tell(number, *values)
            failed.tell(number, *values)
            past.append(PastTrial(*asked, TrialState.COMPLETE, values))
    pruned.tell_pruned(11, 0.5, 3)
    failed.tell_failed(11)
    replayed.replay([*past, PastTrial(*asked, TrialState.PRUNED, (0.5,), 3)])
    asked = failed.ask()
    assert pruned.ask() == asked
    assert replayed.ask() == asked
    assert pruned.study.trials[11].values is None
