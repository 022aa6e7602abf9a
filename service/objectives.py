"""What a search optimizes: one metric, or several."""

from collections.abc import Mapping, Sequence

from kerasearch.models.tasks import Direction
from kerasearch.searchspaces.problems import InvalidInput, Problem, unknown
from kerasearch.service.jobs import Objective


def target_problems(objectives: Sequence[Objective], target: float | None) -> list[Problem]:
    """What keeps a budget's target from being meant."""
    if target is None or len(objectives) < 2:
        return []
    detail = "a target is for one objective, and here are several: leave it out"
    return [Problem("/budget/target", detail)]


def understood_objectives(
    asked: Sequence[Objective], metrics: Mapping[str, Direction], *, listed: bool
) -> tuple[Objective, ...]:
    """The same objectives with their directions.

    Args:
        asked: As posted.
        metrics: That may be optimized, and which way is better.
        listed: Whether they came as a list, where pointers have an index.

    Raises:
        InvalidInput: With a problem for each that can't be meant.
    """
    problems: list[Problem] = []
    understood: list[Objective] = []
    for index, objective in enumerate(asked):
        metric, place = objective.metric, f"/{index}" if listed else ""
        if metric not in metrics:
            problems.append(Problem(f"{place}/metric", unknown("metric", metric, metrics)))
            continue
        wanted = metrics[metric]
        if objective.direction not in (None, wanted):
            detail = f"{metric} is there to be {wanted}d: say {wanted}, or leave direction out"
            problems.append(Problem(f"{place}/direction", detail))
        if metric in [other.metric for other in understood]:
            problems.append(Problem(f"{place}/metric", f"{metric} came before: drop it"))
        understood.append(Objective(metric=metric, direction=wanted))
    if problems:
        raise InvalidInput(problems)
    return tuple(understood)
