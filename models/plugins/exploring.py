"""What a HyperModel asks its `hp` for, over all its branches."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from keras_tuner import HyperParameters
from keras_tuner.engine import hyperparameters as kt

MAX_BUILDS = 200
MAX_VALUES = 10
"""Of one choice: those that decide on a branch are fewer."""

Values = dict[str, Any]  # KerasTuner ships no types


def explore(ask: Callable[[HyperParameters], None], declared: HyperParameters) -> HyperParameters:
    """Every hyperparameter that `ask` registers, however it hangs on the values of others.

    It is asked with the defaults first; then once for each value of each choice, for both ends of
    each number, and for each `conditional_scope` that wasn't entered, in the context in which these
    came up, until nothing new does.

    Args:
        ask: As `build`: registers what it needs in the HyperParameters that it is given.
        declared: What is known before; it is added to.

    Raises:
        Exception: What `ask` raises with the defaults. Where it raises with other values these
            don't go together, and what it had asked for until then counts.
    """
    known = declared
    waiting: deque[Values] = deque([{}])
    seen_scopes: list[object] = []
    for build in range(MAX_BUILDS):
        if not waiting:
            break
        context = waiting.popleft()
        hp = _with_values(known, context)
        registered = len(known.space) if build else 0  # what was declared is new, too
        try:
            ask(hp)
        except Exception:
            if build == 0:
                raise
        known.merge(hp, overwrite=False)
        for scope in hp.inactive_scopes:
            if scope not in seen_scopes:
                seen_scopes.append(scope)
                waiting.appendleft(context | _entering(scope))
        for parameter in known.space[registered:]:
            entered = context | _entering(parameter.conditions)
            waiting.extend(entered | {parameter.name: value} for value in _telling(parameter))
    return known


def _with_values(known: HyperParameters, context: Values) -> HyperParameters:
    """All that is known, those that are active with the context's values, else with defaults."""
    hp = HyperParameters()
    for parameter in known.space:
        if all(condition.is_active(hp.values) for condition in parameter.conditions):
            hp.values.setdefault(parameter.name, context.get(parameter.name, parameter.default))
    hp.merge(known, overwrite=False)
    return hp


def _entering(conditions: list[Any]) -> dict[str, Any]:
    return {condition.name: condition.values[0] for condition in conditions}


def _telling(parameter: kt.HyperParameter) -> Iterator[Any]:
    """Other values than its default, of which each may lead into another branch."""
    values = [*parameter.values] if isinstance(parameter, kt.Choice | kt.Boolean) else []
    if isinstance(parameter, kt.Int | kt.Float):
        values = [parameter.min_value, parameter.max_value]
    return (value for value in values[:MAX_VALUES] if value != parameter.default)
