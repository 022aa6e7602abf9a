"""A sampler that doesn't fit the search is refused with a sentence that says what does."""

from typing import Any

import pytest

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.jobs import SAMPLERS, SearchRequest
from kerasearch.service.sampling import fitting
from kerasearch.service.sampling.fitting import search_problems

ENDLESS = SearchSpace.parse({"rate": "{{uniform(0, 1)}}", "cell": "{{choice(['lstm', 'gru'])}}"})
CHOICES = SearchSpace.parse({"cell": "{{choice(['lstm', 'gru'])}}", "epochs": 5})
HUGE = SearchSpace.parse({f"x{i}": {"type": "int", "low": 0, "high": 99} for i in range(4)})


def _refused(
    search: dict[str, Any], space: SearchSpace | None = ENDLESS, objectives: int = 1
) -> dict[str, str]:
    request = SearchRequest.model_validate(search)
    return {p.pointer: p.detail for p in search_problems(request, space, objectives)}


def test_every_sampler_fits_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "find_spec", lambda _: True)
    for engine, names in SAMPLERS.items():
        for name in names:
            exhaustive = name in ("grid", "brute_force")
            search = {"engine": engine, "sampler": name}
            assert _refused(search, CHOICES if exhaustive else ENDLESS) == {}


@pytest.mark.parametrize(
    ("search", "space", "objectives", "pointer", "says"),
    [
        ({"sampler": "tpee"}, ENDLESS, 1, "/sampler", "did you mean 'tpe'?"),
        ({"engine": "hyperopt", "sampler": "cmaes"}, ENDLESS, 1, "/sampler", "anneal, atpe"),
        ({"sampler": "grid"}, ENDLESS, 1, "/sampler", "there is no end to rate"),
        ({"sampler": "brute_force"}, ENDLESS, 1, "/sampler", "give it a step"),
        ({"sampler": "grid"}, HUGE, 1, "/sampler", "1,000,000 configurations at most"),
        ({"sampler": "cmaes"}, CHOICES, 1, "/sampler", "here are none: take tpe"),
        ({"sampler": "cmaes"}, ENDLESS, 2, "/sampler", "one objective, not 2"),
        ({"engine": "hyperopt", "sampler": "tpe"}, ENDLESS, 2, "/sampler", "Hyperopt optimizes"),
        ({"sampler": "qmc", "warm_start": ["a"]}, ENDLESS, 1, "/warm_start", "learns nothing"),
        ({"options": {"popsize": 8}}, ENDLESS, 1, "/options", "auto has none"),
        (
            {"sampler": "tpe", "options": {"n_startup": 5}},
            ENDLESS,
            1,
            "/options/n_startup",
            "did you mean 'n_startup_trials'?",
        ),
        (
            {"sampler": "qmc", "options": {"qmc_type": "sobel"}},
            ENDLESS,
            1,
            "/options/qmc_type",
            "did you mean 'sobol'?",
        ),
        (
            {"sampler": "nsgaii", "options": {"population_size": 1}},
            ENDLESS,
            1,
            "/options/population_size",
            "at least 2",
        ),
        (
            {"engine": "hyperopt", "sampler": "tpe", "options": {"gamma": True}},
            ENDLESS,
            1,
            "/options/gamma",
            "must be a number, not true",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    search: dict[str, Any], space: SearchSpace, objectives: int, pointer: str, says: str
) -> None:
    refused = _refused(search, space, objectives)
    assert [*refused] == [pointer]
    assert says in refused[pointer]


@pytest.mark.parametrize(
    ("engine", "sampler", "package"), [("optuna", "gp", "torch"), ("hyperopt", "atpe", "lightgbm")]
)
def test_a_sampler_without_its_package_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, engine: str, sampler: str, package: str
) -> None:
    monkeypatch.setattr(fitting, "find_spec", lambda _: None)
    refused = _refused({"engine": engine, "sampler": sampler})
    assert f"{sampler} needs the package {package}" in refused["/sampler"]


def test_of_a_space_that_cannot_be_read_nothing_more_is_said() -> None:
    assert _refused({"sampler": "grid"}, None) == {}
