"""`auto` picks a sampler that fits, and says why."""

from typing import Any

import pytest

from kerasearch.service.jobs import JobRequest
from kerasearch.service.sampling.auto import picked_sampler

FINITE = {"a": {"type": "choice", "values": [1, 2, 3]}, "b": {"type": "choice", "values": [1, 2]}}
NUMBERS = {f"x{i}": {"type": "float", "low": 0, "high": 1} for i in range(3)} | {"c": 5}
TWO = [{"metric": "val_accuracy"}, {"metric": "parameters"}]


def _conditional(space: dict[str, Any]) -> dict[str, Any]:
    return {**space, "d": {"type": "choice", "values": [1, 2], "when": {"a": [1]}}}


@pytest.mark.parametrize(
    ("parts", "name", "why"),
    [
        ({"space": FINITE}, "brute_force", "all 6 configurations fit in the budget of 20 trials"),
        ({"space": FINITE, "budget": {"trials": 5}}, "tpe", "choices, and 5 trials"),
        ({"space": NUMBERS}, "tpe", "numbers, and 20 trials"),
        ({"space": NUMBERS, "budget": {"trials": 100}}, "cmaes", "3 numbers without conditions"),
        (
            {"space": {**NUMBERS, **_conditional(FINITE)}, "budget": {"trials": 100}},
            "tpe",
            "a space of conditions",
        ),
        ({"space": NUMBERS, "resources": {"parallel": 10}}, "qmc", "10 of 20 trials run at once"),
        ({"space": NUMBERS, "resources": {"parallel": 4}}, "tpe", "numbers"),
        ({"space": NUMBERS, "search": {"warm_start": ["x"]}}, "tpe", "the earlier jobs' trials"),
        ({"space": NUMBERS, "search": {"engine": "hyperopt"}}, "tpe", "Hyperopt's sampler"),
        ({"space": NUMBERS, "objective": TWO}, "tpe", "as good as"),
        ({"space": FINITE, "search": {"sampler": "gp"}}, "gp", "it was asked for"),
    ],
)
def test_the_pick_and_its_reason(parts: dict[str, Any], name: str, why: str) -> None:
    document = {"model": "mlp", "data": {"dataset": "digits"}, **parts}
    picked = picked_sampler(JobRequest.model_validate(document))
    assert picked.name == name
    assert why in picked.why
