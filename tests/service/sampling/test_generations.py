"""A state kept over generations is what it would be without keeping it."""

from optuna.trial import FrozenTrial, create_trial

from kerasearch.service.sampling.generations import Generations


def _trial(value: float) -> FrozenTrial:
    return create_trial(value=value)


def _state(trials: list[FrozenTrial], kept: Generations[str], seen: list[float]) -> str:
    def step(before: str, generation: list[FrozenTrial]) -> str:
        values = [trial.values[0] for trial in generation]
        seen.extend(values)
        return before + "".join(f"{value:g}" for value in values) + "|"

    return kept.after(trials, 2, "", step)


def test_a_generation_is_gone_through_once() -> None:
    trials = [_trial(value) for value in range(7)]
    kept: Generations[str] = Generations()
    assert _state(trials[:1], kept, seen := []) == ""
    assert _state(trials[:5], kept, seen) == "01|23|"
    assert _state(trials, kept, seen) == "01|23|45|"
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_trial_that_ends_late_changes_its_generation_and_those_after_it() -> None:
    trials = [_trial(value) for value in range(8)]
    kept: Generations[str] = Generations()
    _state([*trials[:2], *trials[3:]], kept, [])
    assert _state(trials, kept, seen := []) == "01|23|45|67|"
    assert seen == [2, 3, 4, 5, 6, 7]


def test_fewer_trials_than_before_give_the_state_of_then() -> None:
    trials = [_trial(value) for value in range(6)]
    kept: Generations[str] = Generations()
    _state(trials, kept, [])
    assert _state(trials[:4], kept, seen := []) == "01|23|"
    assert seen == []


def test_another_trial_of_the_same_value_is_another_one() -> None:
    trials = [_trial(value) for value in range(2)]
    kept: Generations[str] = Generations()
    _state(trials, kept, [])
    _state([trials[0], _trial(1)], kept, seen := [])
    assert seen == [0, 1]
