"""Records what a plugin offers, in a process of its own: it runs the operator's code."""

import hashlib
import json
from pathlib import Path
from types import ModuleType

import keras
from keras_tuner import HyperModel, HyperParameters

from kerasearch.models.plugins.blame import blame
from kerasearch.models.plugins.data import FUNCTION, make_data
from kerasearch.models.plugins.exploring import explore
from kerasearch.models.plugins.fitting import FIT_OPTIONS, ask_fit
from kerasearch.models.plugins.hypermodels import has_own_fit, hypermodel_of, offered
from kerasearch.models.plugins.loading import load_plugin
from kerasearch.models.plugins.recorded import PREFIX, PluginData, PluginModel, Recording
from kerasearch.models.plugins.spaces import search_space
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.searchspaces.training import TRAINING_PARAMETERS, training_problems


class _NoModelError(Exception):
    """A function that may be meant for something else than to build models."""


def record(path: Path, sha256: str, npz: Path) -> Recording:
    """What the plugin in this file offers, and what is wrong with it; raises nothing of its own.

    Args:
        path: The file.
        sha256: Of its content.
        npz: Where what its `data()` gives is written to.
    """
    recording = Recording(module=path.stem, sha256=sha256)
    errors: dict[str, str] = {}
    try:
        module = load_plugin(path, sha256)
    except (Exception, SystemExit) as error:
        return recording.model_copy(update={"errors": {"": blame(error, path)}})
    models, idle = {}, []
    for name, it in offered(module).items():
        try:
            models[name] = _record_model(module, name, it, sha256)
        except _NoModelError as error:
            idle.append(str(error))
        except (Exception, SystemExit) as error:
            errors[name] = blame(error, path)
    data = None
    if callable(getattr(module, FUNCTION, None)):
        try:
            info = make_data(module, npz)
            data = PluginData(sha256=hashlib.sha256(npz.read_bytes()).hexdigest(), info=info)
        except (Exception, SystemExit) as error:
            errors[FUNCTION] = blame(error, path)
    if not (models or data or errors):
        missing = "no function of hp alone that returns a Keras model, no HyperModel, no data()"
        errors[""] = "; ".join([f"it offers nothing: {missing}", *idle])
    return recording.model_copy(update={"models": models, "data": data, "errors": errors})


def _record_model(module: ModuleType, name: str, it: object, sha256: str) -> PluginModel:
    hypermodel = hypermodel_of(it)
    options = set(FIT_OPTIONS)
    compiled: list[bool] = []

    def ask(hp: HyperParameters) -> None:
        model = hypermodel.build(hp)
        if not isinstance(model, keras.Model):
            raise _NoModelError(f"{name} returns {type(model).__name__}, no Keras model")
        compiled.append(model.compiled)
        if has_own_fit(hypermodel):
            ask_fit(hypermodel, hp, model, options)

    declared = HyperParameters()
    hypermodel.declare_hyperparameters(declared)
    known = explore(ask, declared)
    space, hp_names = search_space(known.space)
    reads: tuple[str, ...] = TRAINING_PARAMETERS
    if any(compiled) or has_own_fit(hypermodel):
        reads = tuple(option for option in ("batch_size", "epochs") if option in options)
    problems = [
        problem
        for parameter in space.parameters.keys() & set(reads)
        for problem in training_problems(parameter, space.parameters[parameter])
    ]
    if problems:
        raise InvalidInput(problems)
    return PluginModel(
        name=f"{PREFIX}{module.__name__}:{name}",
        description=_first_line(it) or _first_line(module),
        entry=name,
        sha256=sha256,
        parameters=space.canonical(),
        hp_names=hp_names,
        hyperparameters=json.loads(json.dumps(known.get_config()["space"])),
        training=reads,
        fit_options=tuple(option for option in FIT_OPTIONS if option in options),
    )


def _first_line(it: object) -> str:
    kind = it if isinstance(it, type) else type(it)
    # A HyperModel without one of its own would inherit KerasTuner's.
    text = vars(kind).get("__doc__") if issubclass(kind, HyperModel) else it.__doc__
    return next(iter((text or "").strip().splitlines()), "")
