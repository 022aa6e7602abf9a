"""A trial's params as KerasTuner's HyperParameters, as its tuner would hand them to a plugin."""

import copy
from collections.abc import Mapping

from keras_tuner import HyperParameters
from keras_tuner.engine import hyperparameters as kt

from kerasearch.models.plugins.recorded import PluginModel
from kerasearch.searchspaces.parameters import Value


def trial_values(plugin: PluginModel, params: Mapping[str, Value]) -> HyperParameters:
    """All that the plugin was recorded to ask for; the active ones have this trial's values."""
    config = {"space": copy.deepcopy(plugin.hyperparameters), "values": {}}  # it is emptied
    hp = HyperParameters.from_config(config)
    whole = {parameter.name for parameter in hp.space if isinstance(parameter, kt.Int)}
    for name, value in params.items():
        hp_name = plugin.hp_names.get(name, name)
        hp.values[hp_name] = int(value) if hp_name in whole and value is not None else value
    return hp


def require_recorded(plugin: PluginModel, hp: HyperParameters) -> None:
    """Raises ValueError if the plugin has asked for what its recording didn't find."""
    recorded = {config["config"]["name"] for config in plugin.hyperparameters}
    for parameter in hp.space:
        if parameter.name not in recorded:
            raise ValueError(
                f"it asks for {parameter.name!r} on a way that its recording didn't find, so that "
                "isn't searched: name it in declare_hyperparameters(self, hp) of a HyperModel"
            )
