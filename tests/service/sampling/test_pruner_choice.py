"""Which pruner a job gets, and what is refused."""

from collections import Counter

import pytest

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.jobs import JobRequest
from kerasearch.service.sampling.pruner_choice import pruner_of, pruner_problems
from kerasearch.service.sampling.pruners import PRUNERS, PickedPruner
from kerasearch.service.submission import understand

SEVERAL = [{"metric": "val_accuracy"}, {"metric": "parameters"}]


def _request(**parts: object) -> JobRequest:
    data = {"dataset": "digits", **parts.pop("data", {})}  # type: ignore[dict-item]
    return JobRequest.model_validate({"model": "mlp", "data": data, **parts})


def _picked(**parts: object) -> PickedPruner:
    return pruner_of(_request(**parts))


@pytest.mark.parametrize(
    ("parts", "name", "why"),
    [
        ({"budget": {"trials": 16, "epochs": 10}}, "asha", "16 trials .* epoch 10"),
        ({"budget": {"trials": 15, "epochs": 50}}, "none", "15 trials are fewer than the 16"),
        ({"budget": {"trials": 99, "epochs": 9}}, "none", "9 epochs are fewer than the 10"),
        ({"budget": {"trials": 16}, "data": {"split": {"folds": 5}}}, "wilcoxon", "5 trainings"),
        ({"budget": {"trials": 16, "repeats": 3}}, "none", "3 trainings are too few"),
        ({"budget": {"trials": 16}, "objective": SEVERAL}, "none", "one metric"),
        ({"budget": {"trials": 16}, "objective": {"metric": "latency_ms"}}, "none", "one metric"),
        ({"search": {"pruner": "median"}}, "median", "it was asked for"),
    ],
)
def test_auto_picks_by_trials_epochs_and_trainings_and_says_why(
    parts: dict[str, object], name: str, why: str
) -> None:
    picked = _picked(**parts)
    assert picked.name == name
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(picked.why)


@pytest.mark.parametrize(
    ("budget", "options", "rungs"),
    [
        ({"trials": 27, "epochs": 50}, {}, (6, 17)),
        ({"trials": 27, "epochs": 81}, {}, (3, 9, 27)),
        ({"trials": 16, "epochs": 10}, {}, (3,)),
        ({"trials": 1000, "epochs": 10}, {}, (3,)),
        ({"trials": 1000, "epochs": 6}, {}, (2,)),
        ({"trials": 16, "epochs": 81}, {"eta": 4}, (5, 20)),
        ({"trials": 5, "epochs": 100}, {"min_epochs": 1}, (1, 3, 9, 27)),
        ({"trials": 5, "epochs": 81}, {"min_epochs": 3}, (3, 9, 27)),
        ({"trials": 5, "epochs": 12}, {"min_epochs": 4}, (4,)),
    ],
)
def test_rungs_lie_eta_times_apart_and_the_last_one_as_far_from_the_end(
    budget: dict[str, int], options: dict[str, int], rungs: tuple[int, ...]
) -> None:
    search = {"pruner": "asha", "pruner_options": options}
    assert _picked(budget=budget, search=search).rungs == rungs


def test_hyperband_shares_its_trials_among_brackets_evenly_mixed() -> None:
    """Li et al. 2018, table 1: 81 epochs, eta 3."""
    budget = {"trials": 200, "epochs": 81}
    search = {"pruner": "hyperband", "pruner_options": {"min_epochs": 1}}
    picked = _picked(budget=budget, search=search)
    assert picked.rungs == (1, 3, 9, 27)
    brackets = [picked.bracket(number) for number in range(2 * (81 + 34 + 15 + 8 + 5))]
    assert Counter(brackets) == {0: 162, 1: 68, 2: 30, 3: 16, 4: 10}
    assert set(brackets[:12]) == {0, 1, 2, 3}
    assert _picked(budget=budget, search={**search, "pruner": "asha"}).bracket(11) == 0


@pytest.mark.parametrize(
    ("parts", "pointer", "detail"),
    [
        ({"search": {"pruner": "medain"}}, "/search/pruner", "did you mean 'median'"),
        (
            {"search": {"pruner": "asha", "pruner_options": {"eta": 1}}},
            "/search/pruner_options/eta",
            "at least 2",
        ),
        (
            {"search": {"pruner": "median", "pruner_options": {"n_startup_trails": 1}}},
            "/search/pruner_options/n_startup_trails",
            "did you mean 'n_startup_trials'",
        ),
        ({"search": {"pruner_options": {"eta": 3}}}, "/search/pruner_options", "auto has none"),
        ({"search": {"pruner": "threshold"}}, "/search/pruner_options", "lower, upper or both"),
        ({"search": {"pruner": "wilcoxon"}}, "/search/pruner", "folds or budget.repeats"),
        (
            {"search": {"pruner": "asha"}, "budget": {"repeats": 2}},
            "/search/pruner",
            "one training a trial",
        ),
        (
            {"search": {"pruner": "hyperband"}, "budget": {"trials": 2}},
            "/search/pruner",
            "needs a rung",
        ),
        (
            {"search": {"pruner": "asha", "pruner_options": {"min_epochs": 20}}},
            "/search/pruner",
            "min_epochs times eta within the epochs",
        ),
        ({"search": {"pruner": "median"}, "objective": SEVERAL}, "/search/pruner", "say none"),
        (
            {"search": {"pruner": "asha"}, "objective": SEVERAL, "budget": {"trials": 2}},
            "/search/pruner",
            "say none",
        ),
    ],
)
def test_a_pruner_that_does_not_fit_is_refused_with_a_pointer(
    parts: dict[str, object], pointer: str, detail: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        understand(_request(**parts), lambda _: None, [])
    (problem,) = refused.value.problems
    assert problem.pointer == pointer
    assert detail in problem.detail


@pytest.mark.parametrize("name", PRUNERS)
def test_every_pruner_is_right_for_some_job(name: str) -> None:
    trainings = {"repeats": 5} if name == "wilcoxon" else {}
    options = {"lower": 0.1} if name == "threshold" else {}
    request = _request(
        search={"pruner": name, "pruner_options": options}, budget={"trials": 9, **trainings}
    )
    assert [*pruner_problems(request)] == []
    assert pruner_of(request).name == ("none" if name == "auto" else name)
