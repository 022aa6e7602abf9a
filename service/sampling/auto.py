"""What the sampler `auto` stands for."""

import json
from functools import lru_cache

from kerasearch.searchspaces import SearchSpace
from kerasearch.service.jobs import JobRequest, PickedSampler
from kerasearch.service.sampling.fitting import numbers_of

MANY = 100
"""Trials in which CMA-ES gets twice as near as TPE on six numbers that depend on each other."""

AT_ONCE = 2
"""Rounds of parallel trials below which a search can learn nothing that helps it."""


def picked_sampler(request: JobRequest) -> PickedSampler:
    """The sampler that searches, and why: a function of the request as understood."""
    search = request.search
    if search.sampler != "auto":
        return PickedSampler(name=search.sampler, why="it was asked for")
    if search.engine == "hyperopt":
        return PickedSampler(name="tpe", why="it is Hyperopt's sampler for spaces of every kind")
    if search.warm_start:
        return PickedSampler(name="tpe", why="it learns from the earlier jobs' trials")
    name, why = _pick(
        json.dumps(request.space),
        request.budget.trials,
        request.resources.parallel or 1,
        len(request.objectives),
    )
    return PickedSampler(name=name, why=why)


@lru_cache(maxsize=1024)  # the scheduler reads its jobs several times a second
def _pick(space_json: str, trials: int, parallel: int, objectives: int) -> tuple[str, str]:
    space = SearchSpace.parse(json.loads(space_json))
    size = space.size()
    if size is not None and size <= trials:
        return "brute_force", f"all {size:,} configurations fit in the budget of {trials:,} trials"
    if trials <= AT_ONCE * parallel:
        return "qmc", f"{parallel} of {trials} trials run at once: there is nothing to learn from"
    if objectives > 1:
        return "tpe", f"{objectives} objectives: its sets are as good as nsgaii's, and sooner"
    varied = [name for name, parameter in space.parameters.items() if parameter.count() != 1]
    conditions = any(space.parameters[name].when for name in varied)
    if not conditions and trials >= MANY and varied == numbers_of(space):
        return "cmaes", f"{len(varied)} numbers without conditions, and {trials:,} trials"
    kinds = "conditions" if conditions else "choices" if varied != numbers_of(space) else "numbers"
    return "tpe", f"a space of {kinds}, and {trials:,} trials"
