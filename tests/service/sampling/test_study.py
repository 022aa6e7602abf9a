"""A job's study proposes new configurations of the space, and the same ones after a restart."""

import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from random import Random

import optuna
import pytest
from optuna.samplers import BaseSampler, RandomSampler

from kerasearch.models.tasks import Direction
from kerasearch.searchspaces.parameters import Params, Value
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service import jobs
from kerasearch.service.sampling.display import study_of_values
from kerasearch.service.sampling.fitting import NEEDS
from kerasearch.service.sampling.history import PastTrial
from kerasearch.service.sampling.samplers import SAMPLERS, Call, Sampler
from kerasearch.service.sampling.study import Asked, JobStudy, SpaceExhausted
from kerasearch.service.trials import TrialState

SPACE = SearchSpace.parse(
    {
        "cell": {"type": "choice", "values": ["lstm", "gru", None, True]},
        "units": "{{quniform(10, 100, 8)}}",
        "learning_rate": {"type": "float", "low": 1e-6, "high": 0.1, "log": True},
        "layers": {"type": "choice", "values": ["one", "two"]},
        "dense": {"type": "int", "low": 1, "high": 64, "log": True, "when": {"layers": ["two"]}},
        "dropout": {"type": "float", "low": 0, "high": 0.5, "step": 0.1, "when": {"dense": [4]}},
        "noise": {"type": "normal", "mean": 0, "std": 1},
        "counts": "{{qlognormal(2, 1, 1)}}",
        "optimizer": "adam",
    }
)
FINITE = SearchSpace.parse(
    {
        "a": {"type": "int", "low": 0, "high": 4},
        "b": {"type": "choice", "values": ["x", "y"]},
        "c": {"type": "choice", "values": [True, False, None], "when": {"b": ["y"]}},
    }
)

PAIRS = [(engine, name) for engine in SAMPLERS for name in SAMPLERS[engine]]


def _marks(sampler: str) -> list[pytest.MarkDecorator]:
    """Two samplers take half a second a proposal and come with extras."""
    if sampler not in ("gp", "atpe"):
        return []
    missing = find_spec(NEEDS[sampler]) is None
    return [pytest.mark.slow, pytest.mark.skipif(missing, reason=f"{sampler} is an extra")]


def _where_installed(pairs: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("engine", "sampler"),
        [pytest.param(*pair, marks=_marks(pair[1])) for pair in pairs],
    )


every_sampler = _where_installed(PAIRS)
every_sampler_of_an_infinite_space = _where_installed(
    [pair for pair in PAIRS if pair[1] not in ("grid", "brute_force")]
)


def _objective(params: Params) -> float:
    """Best at 58 units without noise, in the branch of two layers with few dense units."""
    value = -abs(params["units"] - 58) / 50 - abs(params["noise"])
    return value + (1 - params["dense"] / 64 if params["layers"] == "two" else 0)


def _run(study: JobStudy, count: int) -> list[Asked]:
    asked = []
    for _ in range(count):
        asked.append(study.ask())
        study.tell(asked[-1].number, _objective(asked[-1].params))
    return asked


def test_every_sampler_that_a_job_may_name_is_there() -> None:
    assert {engine: ("auto", *names) for engine, names in SAMPLERS.items()} == jobs.SAMPLERS


@every_sampler_of_an_infinite_space
def test_trials_are_numbered_new_and_inside_the_space(engine: str, sampler: str) -> None:
    study = JobStudy.create(SPACE, ["maximize"], engine, sampler, seed=1)
    asked = _run(study, 45)
    assert [trial.number for trial in asked] == list(range(45))
    assert all(SPACE.check(trial.params) == trial.params for trial in asked)
    assert len({repr(trial.params) for trial in asked}) == 45
    assert {"dense" in trial.params for trial in asked} == {True, False}


@every_sampler
def test_a_finite_space_is_searched_to_its_end(engine: str, sampler: str) -> None:
    study = JobStudy.create(FINITE, ["minimize"], engine, sampler, seed=2)
    seen = set()
    for number in range(FINITE.size() or 0):
        params = study.ask().params
        seen.add(repr(params))
        if number % 5 == 4:
            study.tell_failed(number)
        elif number % 5 != 3:  # some stay running
            study.tell(number, params["a"])
    assert len(seen) == FINITE.size() == 20
    with pytest.raises(SpaceExhausted):
        study.ask()


@pytest.mark.parametrize(
    ("engine", "sampler"), [pair for pair in PAIRS if not SAMPLERS[pair[0]][pair[1]].learns]
)
def test_what_was_asked_and_became_no_trial_is_asked_again(engine: str, sampler: str) -> None:
    study = JobStudy.create(FINITE, ["minimize"], engine, sampler, seed=2)
    asked = [study.ask() for _ in range(8)]
    again = JobStudy.create(FINITE, ["minimize"], engine, sampler, seed=2)
    again.replay(PastTrial(*asked[number], TrialState.RUNNING) for number in (0, 2, 5))
    assert study.foresees
    assert [again.ask() for _ in range(5)] == [asked[number] for number in (1, 3, 4, 6, 7)]


@every_sampler_of_an_infinite_space
def test_a_replayed_study_goes_on_as_the_first_would_have(engine: str, sampler: str) -> None:
    def step(study: JobStudy, rng: Random) -> Asked:
        asked = study.ask()
        fate = rng.random()
        if fate < 0.7:
            study.tell(asked.number, _objective(asked.params))
            past.append(PastTrial(*asked, TrialState.COMPLETE, (_objective(asked.params),)))
        elif fate < 0.85:
            study.tell_failed(asked.number)
            past.append(PastTrial(*asked, TrialState.INFEASIBLE))
        else:
            past.append(PastTrial(*asked, TrialState.RUNNING))
        return asked

    past: list[PastTrial] = []
    rng = Random(0)
    study = JobStudy.create(SPACE, ["maximize"], engine, sampler, seed=3)
    for _ in range(30):
        step(study, rng)

    again = JobStudy.create(SPACE, ["maximize"], engine, sampler, seed=3)
    again.replay(reversed(past))
    fates = rng.getstate()
    expected = [step(study, rng) for _ in range(5)]
    rng.setstate(fates)
    assert [step(again, rng) for _ in range(5)] == expected


@every_sampler_of_an_infinite_space
def test_another_seed_searches_otherwise(engine: str, sampler: str) -> None:
    first, second = (JobStudy.create(SPACE, ["maximize"], engine, sampler, seed) for seed in (1, 2))
    assert first.ask().params != second.ask().params


@pytest.mark.parametrize(
    ("engine", "sampler"), [("optuna", "tpe"), ("hyperopt", "tpe"), ("hyperopt", "anneal")]
)
def test_a_model_of_the_objective_does_better_than_chance(engine: str, sampler: str) -> None:
    def best(engine: str, sampler: str) -> float:
        values = []
        for seed in range(2):
            study = JobStudy.create(SPACE, ["maximize"], engine, sampler, seed)
            values.append(max(_objective(trial.params) for trial in _run(study, 60)))
        return sum(values) / len(values)

    assert best(engine, sampler) >= best("optuna", "random")


@pytest.mark.parametrize(("engine", "sampler"), [("optuna", "tpe"), ("hyperopt", "tpe")])
def test_a_branch_that_always_fails_is_left(engine: str, sampler: str) -> None:
    space = SearchSpace.parse(
        {"x": "{{uniform(0, 1)}}", "layers": {"type": "choice", "values": ["one", "two"]}}
    )
    study = JobStudy.create(space, ["minimize"], engine, sampler, seed=0)
    failed = []
    for number in range(50):
        params = study.ask().params
        failed.append(params["layers"] == "two")
        if failed[-1]:
            study.tell_failed(number)
        else:
            study.tell(number, params["x"])
    assert sum(failed[25:]) < 8  # of 25; chance would be half of them


def test_enqueued_params_come_next_and_only_once() -> None:
    study = JobStudy.create(FINITE, ["maximize"], "optuna", "tpe", seed=0)
    study.ask()
    wished: Params = {"a": 3, "b": "y", "c": None}
    study.enqueue({"a": 3.0, "b": "y", "c": None})
    study.enqueue(wished)
    study.enqueue({"a": 2, "b": "x"})
    assert study.ask() == (1, wished)
    assert study.ask() == (2, {"a": 2, "b": "x"})
    assert study.ask().params != wished


def test_enqueued_params_outside_the_space_are_refused() -> None:
    study = JobStudy.create(FINITE, ["maximize"], "optuna", "tpe", seed=0)
    with pytest.raises(InvalidInput, match="/a"):
        study.enqueue({"a": 5, "b": "x"})


def test_a_true_choice_is_no_duplicate_of_one() -> None:
    space = SearchSpace.parse({"x": {"type": "choice", "values": [True, 1, "1"]}})
    study = JobStudy.create(space, ["maximize"], "optuna", "random", seed=0)
    assert sorted(repr(study.ask().params["x"]) for _ in range(3)) == ["'1'", "1", "True"]


def test_an_infinite_space_that_always_gives_the_same_is_exhausted() -> None:
    space = SearchSpace.parse({"x": {"type": "normal", "mean": 5, "std": 1e-3, "step": 1}})
    study = JobStudy.create(space, ["maximize"], "optuna", "tpe", seed=0)
    assert study.ask().params == {"x": 5.0}
    with pytest.raises(SpaceExhausted, match="1 configurations"):
        study.ask()


def test_a_space_without_parameters_has_one_trial() -> None:
    study = JobStudy.create(SearchSpace.parse({}), ["maximize"], "hyperopt", "tpe", seed=0)
    assert study.ask() == (0, {})
    with pytest.raises(SpaceExhausted):
        study.ask()


def test_a_trial_is_told_once() -> None:
    study = JobStudy.create(FINITE, ["maximize"], "optuna", "tpe", seed=0)
    study.tell(study.ask().number, 1.0)
    with pytest.raises(ValueError, match="told of once"):
        study.tell_failed(0)


def test_the_study_for_plots_has_real_values_and_our_numbers() -> None:
    study = JobStudy.create(SPACE, ["maximize"], "hyperopt", "tpe", seed=0)
    asked = _run(study, 12)
    study.tell_failed(study.ask().number)
    study.ask()
    trials = study.study.trials
    assert [trial.params for trial in trials[:12]] == [trial.params for trial in asked]
    assert [trial.number for trial in trials] == list(range(14))
    assert trials[12].state is optuna.trial.TrialState.FAIL
    assert trials[13].state is optuna.trial.TrialState.RUNNING
    assert study.study.best_value == max(_objective(trial.params) for trial in asked)


def test_a_log_parameter_that_was_rounded_to_zero_can_be_shown() -> None:
    space = SearchSpace.parse({"x": "{{qlognormal(0, 2, 1)}}"})
    trials = [
        PastTrial(number, {"x": float(number)}, TrialState.COMPLETE, (0.0,)) for number in range(3)
    ]
    shown = study_of_values(space, ["minimize"], trials)
    assert [trial.params["x"] for trial in shown.trials] == [0, 1, 2]


def test_an_optuna_job_loads_neither_hyperopt_nor_anything_larger() -> None:
    code = """
import sys
from kerasearch.searchspaces.space import SearchSpace
from kerasearch.service.sampling.study import JobStudy
space = SearchSpace.parse({"x": "{{uniform(0, 1)}}"})
JobStudy.create(space, ["maximize"], "optuna", "tpe", 0).ask()
heavy = {"tensorflow", "keras", "mlflow", "hyperopt", "matplotlib", "pandas", "sqlalchemy"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


class _Even:
    """A rule that half of the space breaks."""

    def violated(self, params: Mapping[str, Value]) -> str | None:
        return None if params["a"] in (0, 2, 4) else "a must be even"


@every_sampler
def test_what_a_constraint_forbids_is_never_tried(engine: str, sampler: str) -> None:
    study = JobStudy.create(FINITE, ["minimize"], engine, sampler, 1, constraints=_Even())
    study.enqueue({"a": 1, "b": "x"})
    tried = []
    for number in range(12):
        tried.append(study.ask())
        study.tell(number, float(str(tried[-1].params["a"])))
    with pytest.raises(SpaceExhausted):
        study.ask()
    assert {asked.params["a"] for asked in tried} == {0, 2, 4}


class _Narrow:
    """A rule that one draw in a hundred keeps."""

    def violated(self, params: Mapping[str, Value]) -> str | None:
        return None if 0.49 <= float(str(params["x"])) <= 0.5 else "x is about a half"


@pytest.mark.parametrize(("engine", "sampler"), [("optuna", "tpe"), ("hyperopt", "tpe")])
def test_a_narrow_constraint_is_kept_and_replayed(engine: str, sampler: str) -> None:
    space = SearchSpace.parse({"x": "{{uniform(0, 1)}}"})

    def study() -> JobStudy:
        return JobStudy.create(space, ["minimize"], engine, sampler, 0, constraints=_Narrow())

    first, again = study(), study()
    past = []
    for _ in range(25):
        asked = first.ask()
        first.tell(asked.number, asked.params["x"])
        past.append(PastTrial(*asked, TrialState.COMPLETE, (asked.params["x"],)))
    again.replay(past)
    assert again.ask() == first.ask()


def test_a_sampler_learns_from_earlier_trials_which_may_be_tried_again() -> None:
    space = SearchSpace.parse({"x": {"type": "int", "low": 0, "high": 1000}})
    earlier = [
        PastTrial(-1, {"x": x}, TrialState.COMPLETE, (abs(x - 300),)) for x in range(0, 1000, 20)
    ]
    study = JobStudy.create(space, ["minimize"], "optuna", "tpe", 0, earlier=earlier)
    study.enqueue({"x": 300})
    assert study.ask().params == {"x": 300}
    study.tell(0, 0.0)
    for number in range(1, 8):
        x = study.ask().params["x"]
        study.tell(number, abs(x - 300))
        assert abs(x - 300) < 200


def test_a_grid_goes_through_the_space_in_its_order() -> None:
    study = JobStudy.create(FINITE, ["minimize"], "optuna", "grid", seed=0)
    study.enqueue({"a": 0, "b": "y", "c": False})
    asked = [study.ask().params for _ in range(5)]
    assert asked == [
        {"a": 0, "b": "y", "c": False},
        {"a": 0, "b": "x"},
        {"a": 0, "b": "y", "c": True},
        {"a": 0, "b": "y", "c": None},
        {"a": 1, "b": "x"},
    ]


def test_a_grid_is_too_large_to_be_looked_through_whole() -> None:
    wide = SearchSpace.parse({f"x{i}": {"type": "int", "low": 0, "high": 9} for i in range(9)})
    study = JobStudy.create(wide, ["minimize"], "optuna", "grid", 0)
    assert [study.ask().params["x8"] for _ in range(3)] == [0, 1, 2]


SEVERAL = [("optuna", name) for name in ("tpe", "random", "qmc", "nsgaii")]


@pytest.mark.parametrize(("engine", "sampler"), SEVERAL)
def test_several_objectives_are_searched_and_replayed(engine: str, sampler: str) -> None:
    options = {"population_size": 6} if sampler == "nsgaii" else {}

    def study() -> JobStudy:
        ways: list[Direction] = ["maximize", "minimize"]
        return JobStudy.create(SPACE, ways, engine, sampler, 0, options=options)

    first, again = study(), study()
    past = []
    for number in range(30):
        asked = first.ask()
        if number % 7 == 5:
            first.tell_failed(number)
            past.append(PastTrial(*asked, TrialState.INFEASIBLE))
        elif number % 7 != 6:
            values = (_objective(asked.params), asked.params["units"])
            first.tell(number, *values)
            past.append(PastTrial(*asked, TrialState.COMPLETE, values))
        else:
            past.append(PastTrial(*asked, TrialState.RUNNING))
    again.replay(reversed(past))
    assert [again.ask() for _ in range(3)] == [first.ask() for _ in range(3)]
    assert len(first.study.best_trials) >= 2


def test_nsgaii_does_better_than_chance() -> None:
    def reached(sampler: str) -> float:
        space = SearchSpace.parse({f"x{i}": "{{uniform(0, 1)}}" for i in range(5)})
        study = JobStudy.create(
            space,
            ["minimize", "minimize"],
            "optuna",
            sampler,
            0,
            options={"population_size": 20} if sampler == "nsgaii" else {},
        )
        best = 9.0
        for _ in range(120):
            asked = study.ask()
            xs = [float(str(x)) for x in asked.params.values()]
            values = sum(x**2 for x in xs), sum((x - 0.2) ** 2 for x in xs)
            best = min(best, sum(values))
            study.tell(asked.number, *values)
        return best

    assert reached("nsgaii") < reached("random")


def test_what_came_to_nothing_is_left_by_samplers_that_know_values_alone() -> None:
    space = SearchSpace.parse(
        {"layers": {"type": "choice", "values": ["one", "two"]}}
        | {f"x{number}": "{{uniform(0, 1)}}" for number in range(4)}
    )
    study = JobStudy.create(
        space, ["minimize"], "optuna", "nsgaii", seed=0, options={"population_size": 10}
    )
    failed = []
    for number in range(80):
        params = study.ask().params
        failed.append(params["layers"] == "two")
        if failed[-1]:
            study.tell_failed(number)
        else:
            study.tell(number, params["x0"])
    assert sum(failed[40:]) < 12  # of 40; chance would be half of them


def test_ten_thousand_trials_are_thinned_before_tpe_sees_them() -> None:
    seen = []

    def make(call: Call) -> BaseSampler:
        seen.append((call.trials, call.seen))
        return RandomSampler(call.seed)

    study = JobStudy(SPACE, ["maximize"], Sampler(make, most=400), {}, seed=0)
    rng = Random(0)
    study.replay(
        PastTrial(number, SPACE.sample(rng), TrialState.COMPLETE, (rng.random(),))
        for number in range(10_000)
    )
    study.ask()
    study.ask()  # the running one is seen too
    assert seen == [(10_000, 400), (10_001, 401)]
