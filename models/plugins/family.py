"""A plugin's model among the families: what stands between it and raw rows, and around it."""

from pathlib import Path
from typing import Self

import keras
from keras_tuner import HyperModel, HyperParameters

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.family import ModelFamily
from kerasearch.models.plugins.hypermodels import hypermodel_of
from kerasearch.models.plugins.loading import load_plugin
from kerasearch.models.plugins.recorded import PluginModel
from kerasearch.models.plugins.trial_values import require_recorded, trial_values


class PluginFamily(ModelFamily):
    """Builds what a plugin builds, scaled rows before it where a job asks for scaling.

    Args:
        data: As for every family.
        plugin: As recorded.
        path: Where the plugin's file is.
        hypermodel: What it offers.
    """

    def __init__(
        self, data: DataShape, plugin: PluginModel, path: Path, hypermodel: HyperModel
    ) -> None:
        super().__init__(data)
        self.plugin = plugin
        self.path = path
        self.hypermodel = hypermodel

    @classmethod
    def load(cls, plugin: PluginModel, path: Path, sha256: str, data: DataShape) -> Self:
        """Executes the plugin's file; PluginChangedError if it isn't the one of this digest."""
        module = load_plugin(path, sha256)
        return cls(data, plugin, path, hypermodel_of(getattr(module, plugin.entry)))

    def build(self, hp: HyperParameters) -> keras.Model:
        model = self.build_bare(trial_values(self.plugin, hp.values))
        if isinstance(model, keras.Sequential):  # its twins have no input (see `twins`)
            model = keras.Model(model.inputs[0], model.outputs[0])
        return self.around(model)

    def build_bare(self, hp: HyperParameters) -> keras.Model:
        """The plugin's own model, built for rows as `scaled` gives them."""
        model = self.hypermodel.build(hp)
        if not isinstance(model, keras.Model):
            raise ValueError(f"{self.plugin.entry} gave {type(model).__name__}, no Keras model")  # noqa: TRY004
        require_recorded(self.plugin, hp)
        if not model.built:
            model(keras.Input(self.data.input_shape))
        if self.scales and self.data.padded:
            raise ValueError("sequences that end early can't be scaled before it: say scale: none")
        given, wanted = outputs_of(model), self._outputs
        if given != wanted and not (given == (1,) and wanted == (2,) and self.data.classes):
            raise ValueError(f"it gives {given} an example, and the data ask for {wanted}")
        return model

    @property
    def _outputs(self) -> tuple[int, ...]:
        data = self.data
        return (data.classes,) if data.task == "classification" else data.target_shape or (1,)

    @property
    def scales(self) -> bool:
        scaling = self.data.scaling
        return bool((scaling.offset != 0).any() or (scaling.scale != 1).any())

    def scaled(self, x: Features) -> Features:
        """Rows as the plugin's own model is to see them."""
        scaling = self.data.scaling
        return (x - scaling.offset) / scaling.scale if self.scales else x

    def around(self, model: keras.Model) -> keras.Model:
        """The model of raw rows that gives what the task asks for: the plugin's, or around it."""
        logits = self.data.task == "classification" and gives_logits(model)
        binary = outputs_of(model) != self._outputs
        # The file of a model of Keras's own class tells the shape of its rows.
        is_plain = type(model).__module__.startswith("keras.")
        if is_plain and not (self.scales or logits or binary):
            return model
        inputs = scaled = keras.Input(self.data.input_shape)
        if self.scales:
            inputs, scaled = self.scaled_input()
        outputs = model(scaled)
        if logits:
            outputs = keras.layers.Activation("sigmoid" if binary else "softmax")(outputs)
        if binary:
            first = keras.layers.Rescaling(-1.0, offset=1.0)(outputs)
            outputs = keras.layers.Concatenate()([first, outputs])
        return keras.Model(inputs, outputs)


def outputs_of(model: keras.Model) -> tuple[int, ...]:
    """Shape of what a built model gives an example."""
    has_shape = hasattr(model, "output_shape")  # one of a class of its own was called instead
    return tuple((model.output_shape if has_shape else model.output.shape)[1:])


def gives_logits(model: keras.Model) -> bool:
    """Whether the loss that a model was compiled with takes its outputs for logits."""
    loss = getattr(model, "loss", None)
    return isinstance(loss, keras.losses.Loss) and bool(loss.get_config().get("from_logits"))
