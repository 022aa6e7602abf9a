"""What a plugin offers as models, each as KerasTuner's HyperModel."""

from inspect import Parameter, isfunction, signature
from types import ModuleType

from keras_tuner import HyperModel


def offered(module: ModuleType) -> dict[str, object]:
    """What may be a model, by name: functions of `hp` alone, HyperModels, and instances of these.

    A class that needs arguments and has an instance in the module stands for nothing by itself.
    """
    public = {name: it for name, it in vars(module).items() if not name.startswith("_")}
    instances = {name: it for name, it in public.items() if isinstance(it, HyperModel)}
    made = tuple(type(it) for it in instances.values())
    own = {
        name: it
        for name, it in public.items()
        if getattr(it, "__module__", None) == module.__name__ and name not in instances
    }
    builds = {name: it for name, it in own.items() if isfunction(it) and _required(it) == ["hp"]}
    classes = {
        name: it
        for name, it in own.items()
        if isinstance(it, type)
        and issubclass(it, HyperModel)
        and not (_required(it) and it in made)
    }
    return builds | classes | instances


def hypermodel_of(it: object) -> HyperModel:
    """A HyperModel of what is offered; a class gives a fresh one.

    Raises:
        ValueError: A class that can't be made.
    """
    if isinstance(it, HyperModel):
        return it
    if isinstance(it, type):
        if required := _required(it):
            raise ValueError(
                f"needs {', '.join(required)}: give defaults, or make an instance in the module"
            )
        return it()
    hypermodel = HyperModel()
    hypermodel.build = it
    return hypermodel


def has_own_fit(hypermodel: HyperModel) -> bool:
    return type(hypermodel).fit is not HyperModel.fit


def _required(it: object) -> list[str]:
    """Names of arguments without a default."""
    variadic = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return [
        parameter.name
        for parameter in signature(it).parameters.values()  # type: ignore[arg-type]
        if parameter.default is Parameter.empty and parameter.kind not in variadic
    ]
