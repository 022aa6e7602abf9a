"""The model family that a trial trains, one of ours or a plugin's, and what trains it."""

from collections.abc import Callable

from kerasearch.models import load_family
from kerasearch.models.data_shape import DataShape
from kerasearch.models.family import ModelFamily
from kerasearch.models.plugins.blame import blame
from kerasearch.models.plugins.family import PluginFamily
from kerasearch.models.plugins.loading import PluginChangedError
from kerasearch.models.plugins.recorded import PREFIX
from kerasearch.models.plugins.training import train_plugin
from kerasearch.models.training import TrainedModel, train
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.errors import PluginUnusable
from kerasearch.service.plugins import Plugins
from kerasearch.service.settings import Settings


def family_of(settings: Settings, model: str, data: DataShape) -> ModelFamily:
    """The family that a job names, for its data.

    Raises:
        PluginUnusable: The plugin's file is gone or altered, or can't be executed here.
    """
    if not model.startswith(PREFIX):
        return load_family(model)(data)
    try:
        plugin, path = Plugins.of(settings).find_model(model)
    except InvalidInput as error:
        raise PluginUnusable("; ".join(problem.detail for problem in error.problems)) from error
    try:
        return PluginFamily.load(plugin, path, plugin.sha256, data)
    except PluginChangedError as error:
        raise PluginUnusable(str(error)) from error
    except Exception as error:  # it runs the plugin's code
        raise PluginUnusable(f"{plugin.name} can't be loaded: {blame(error, path)}") from error


def training_of(family: ModelFamily) -> Callable[..., TrainedModel]:
    """`train`, or what takes its place for a plugin."""
    return train_plugin if isinstance(family, PluginFamily) else train
