"""KerasTuner's hyperparameters as a search space: the same values under the same conditions."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from keras_tuner.engine import hyperparameters as kt

from kerasearch.searchspaces.parameters import Choice, Int, Parameter, Value
from kerasearch.searchspaces.problems import InvalidInput, pointer_to
from kerasearch.searchspaces.reading import parse_parameter
from kerasearch.searchspaces.space import SearchSpace

Conditions = dict[str, tuple[Value, ...]]
"""Name of a hyperparameter to those of its values that it must have; all must hold."""


@dataclass(frozen=True)
class Variant:
    """A hyperparameter as it is asked for under one condition."""

    parameter: Parameter
    conditions: Conditions


def search_space(
    hyperparameters: Iterable[kt.HyperParameter],
) -> tuple[SearchSpace, dict[str, str]]:
    """The space, and KerasTuner's name of each parameter that has another name in it.

    A hyperparameter that no value of its parents can activate is left out.

    Raises:
        InvalidInput: Some can't be searched as KerasTuner would; pointers name them.
    """
    variants: dict[str, list[Variant]] = defaultdict(list)
    for hp in hyperparameters:
        try:
            variant = Variant(_parameter(hp), _conditions(hp))
        except InvalidInput as error:
            raise error.under(pointer_to(hp.name)) from None
        variants[hp.name] = _joined(variants[hp.name], variant)
    raw: dict[str, Parameter] = {}
    hp_names: dict[str, str] = {}
    for hp_name, ways in variants.items():
        _require_exclusive(hp_name, ways)
        for number, way in enumerate(ways, 1):
            name = _identifier(hp_name) + (f"__{number}" if number > 1 else "")
            if name in raw:
                raise InvalidInput.at(
                    pointer_to(hp_name), f"is called {name} here, as another one is; rename it"
                )
            try:
                when = {
                    _identifier(parent): _shared(parent, values, variants)
                    for parent, values in way.conditions.items()
                }
            except InvalidInput as error:
                raise error.under(pointer_to(hp_name)) from None
            if all(when.values()) and when.keys() <= raw.keys():
                raw[name] = way.parameter.model_copy(update={"when": when or None})
                hp_names |= {} if name == hp_name else {name: hp_name}
    return SearchSpace.parse(raw), hp_names


def _identifier(hp_name: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", hp_name.replace("/", "__"))
    return f"_{name}" if name[:1].isdigit() else name


def _parameter(hp: kt.HyperParameter) -> Parameter:
    match hp:
        case kt.Fixed():
            return _choice([hp.value])
        case kt.Boolean():
            return _choice([False, True])
        case kt.Choice():
            return _choice(hp.values)
        case kt.Int() | kt.Float():
            return _number(hp)
    raise InvalidInput.at("", f"is a {type(hp).__name__}, which is no hyperparameter known here")


def _choice(values: Iterable[Value]) -> Parameter:
    return parse_parameter({"type": "choice", "values": [*values]})


def _number(hp: kt.Int | kt.Float) -> Parameter:
    if hp.min_value == hp.max_value:
        return _choice([hp.min_value])
    if hp.step is not None and hp.sampling != "linear":
        # Its steps are factors: what KerasTuner draws from is a list, each of it as likely.
        count = len(tuple(hp.values))
        return _choice(hp.prob_to_value((i + 0.5) / count) for i in range(count))
    if hp.sampling == "reverse_log":
        raise InvalidInput.at(
            "",
            "is sampled by reverse_log without a step, which no engine here knows; give it a step, "
            "or ask for max_value + min_value minus it, sampled by log",
        )
    raw = {
        "type": "int" if isinstance(hp, kt.Int) else "float",
        "low": hp.min_value,
        "high": hp.max_value,
    }
    if hp.step is None:
        return parse_parameter(raw | {"log": hp.sampling == "log"})
    # KerasTuner's count: its division of floats ends Float(0, 1, step=0.1) at 0.9.
    last = len(tuple(hp.values)) - 1
    if last == 0:
        return _choice([hp.min_value])
    high = hp.min_value + last * hp.step
    return parse_parameter(
        raw
        | {
            "high": high if isinstance(hp, kt.Int) else round(high, 12),
            "step": None if hp.step == 1 and isinstance(hp, kt.Int) else hp.step,
        }
    )


def _conditions(hp: kt.HyperParameter) -> Conditions:
    conditions: Conditions = {}
    for condition in hp.conditions:
        values = tuple(condition.values)
        earlier = conditions.get(condition.name, values)
        conditions[condition.name] = tuple(value for value in values if value in earlier)
    return conditions


def _joined(ways: Sequence[Variant], new: Variant) -> list[Variant]:
    """These ways and a new one, as one where that says the same."""
    for i, way in enumerate(ways):
        if way.parameter != new.parameter:
            continue
        differing = [
            name
            for name in way.conditions.keys() | new.conditions.keys()
            if way.conditions.get(name) != new.conditions.get(name)
        ]
        if len(differing) > 1:
            continue
        joined = dict(way.conditions)
        for name in differing:
            if name in way.conditions and name in new.conditions:
                joined[name] = (*dict.fromkeys(way.conditions[name] + new.conditions[name]),)
            else:
                joined.pop(name, None)  # one of the two is active whatever its value
        return [*ways[:i], Variant(way.parameter, joined), *ways[i + 1 :]]
    return [*ways, new]


def _require_exclusive(hp_name: str, ways: Sequence[Variant]) -> None:
    for i, one in enumerate(ways):
        for other in ways[:i]:
            apart = any(
                set(values).isdisjoint(other.conditions.get(parent, values))
                for parent, values in one.conditions.items()
            )
            if not apart:
                raise InvalidInput.at(
                    pointer_to(hp_name),
                    f"is asked for as {other.parameter} and as {one.parameter}, and both can be "
                    "active at once; KerasTuner gives them one value: give them two names",
                )


def _shared(
    parent: str, values: tuple[Value, ...], variants: Mapping[str, Sequence[Variant]]
) -> tuple[Value, ...]:
    """Those of a condition's values that the parent can have, as the parent has them."""
    if len(ways := variants.get(parent, [])) != 1:
        raise InvalidInput.at(
            "", f"hangs on {parent}, which is asked for in {len(ways)} ways; give each a name"
        )
    parameter = ways[0].parameter
    match parameter:
        case Choice():
            return tuple(own for own in parameter.values if own in values)  # 1 for True, too
        case Int():
            whole = range(parameter.low, parameter.high + 1, parameter.step or 1)
            return tuple(value for value in values if value in whole)
    raise InvalidInput.at("", f"hangs on {parent}, which is {parameter}; a float decides nothing")
