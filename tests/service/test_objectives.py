import pytest

from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.jobs import Objective
from kerasearch.service.objectives import understood_objectives

METRICS = {"val_accuracy": "maximize", "parameters": "minimize"}


def test_directions_are_filled_in() -> None:
    asked = [Objective(metric="val_accuracy"), Objective(metric="parameters", direction="minimize")]
    understood = understood_objectives(asked, METRICS, listed=True)
    assert [objective.direction for objective in understood] == ["maximize", "minimize"]


def test_every_problem_is_named_at_its_place() -> None:
    asked = [
        Objective(metric="parameters", direction="maximize"),
        Objective(metric="accuracy"),
        Objective(metric="parameters"),
    ]
    with pytest.raises(InvalidInput) as refused:
        understood_objectives(asked, METRICS, listed=True)
    assert {p.pointer: p.detail for p in refused.value.problems} == {
        "/0/direction": "parameters is there to be minimized: say minimize, or leave direction out",
        "/1/metric": "no metric 'accuracy'; did you mean 'val_accuracy'? "
        "known: parameters, val_accuracy",
        "/2/metric": "parameters came before: drop it",
    }


def test_one_objective_that_came_alone_has_no_index() -> None:
    with pytest.raises(InvalidInput, match=r"^/metric"):
        understood_objectives([Objective(metric="x")], METRICS, listed=False)
