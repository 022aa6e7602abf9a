"""A model's twin: the same layers, with the numbers that differ from trial to trial in variables.

What is compiled for a twin serves every model of its architecture.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

NUMBERS = {
    "Dropout": ("rate",),
    "Normalization": ("mean", "variance"),
    "Rescaling": ("scale", "offset"),
}
"""Layers of Keras, and what they read anew at each call: a twin holds it in variables."""

Number = tuple[Any, str]
"""A layer or an optimizer, and the name of an attribute of it; Any: keras ships no types."""

PHILOX = 1
"""TensorFlow's number of the algorithm."""

OPTIMIZER_NUMBERS = ("clipnorm", "weight_decay")
"""The same of optimizers; their learning rate is a variable of theirs anyway."""


class Twin:
    """Compiled like `original`, and has its optimizer; its values are nobody's until it takes some.

    Args:
        original: Compiled, its optimizer built, without `foreign_parts`.
    """

    def __init__(self, original: keras.Model) -> None:
        self.model = keras.models.clone_model(original, clone_function=_clone)
        optimizer = self.model.optimizer
        self._of_layers = _held(_of_layers(original), _of_layers(self.model))
        self._of_optimizer = _held(_of_optimizer(original.optimizer), _of_optimizer(optimizer))
        if optimizer.clipnorm is not None:
            # Keras's own first asks whether the norm is above 0, which a graph can't answer.
            optimizer._clip_gradients = lambda gradients: [
                g if g is None else tf.clip_by_norm(g, optimizer.clipnorm) for g in gradients
            ]
        _share_reads(optimizer)

    def take(self, other: keras.Model) -> None:
        """Become what a model of the same architecture is, its optimizer included."""
        self.take_layers(other)
        _copy(other.optimizer.variables, self.model.optimizer.variables)
        _assign(self._of_optimizer, _of_optimizer(other.optimizer))

    def take_layers(self, other: keras.Model) -> None:
        """Compute what a model of the same architecture computes."""
        _copy(other.variables, self.model.variables)
        _assign(self._of_layers, _of_layers(other))

    def give(self, other: keras.Model) -> None:
        """Make of a model of the same architecture what this one has become."""
        _copy(self.model.variables, other.variables)
        _copy(self.model.optimizer.variables, other.optimizer.variables)


def architecture(model: keras.Model) -> str:
    """What models have in common whose twins are alike; `model` is as for Twin."""
    config, compiled = model.get_config(), model.get_compile_config()
    del compiled["steps_per_execution"]  # of `fit`
    layers = {entry["config"]["name"]: entry["config"] for entry in config["layers"]}
    optimizer = compiled["optimizer"]["config"]
    optimizer.pop("learning_rate", None)  # that of mixed precision wraps the one that has it
    for layer, name in _of_layers(model):
        layers[layer.name][name] = f"shape {np.shape(getattr(layer, name))}"
    for _, name in _of_optimizer(model.optimizer):
        optimizer[name] = "a number"
    return json.dumps([config, compiled])


def foreign_parts(model: keras.Model) -> list[str]:
    """Names of what isn't Keras's own in a model, whose configuration may not tell all it does."""
    if not type(model).__module__.startswith("keras."):
        return [type(model).__name__]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lambdas; saving the model says it again
            return sorted(set(_foreign(model.get_config())))
    except NotImplementedError as error:  # a layer without `get_config`
        return [str(error).strip().splitlines()[0]]


class _Dropout(keras.layers.Dropout):  # type: ignore[misc]  # keras ships no types
    """Its rate is a variable; Keras's own first asks whether it is above 0."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        # What Keras draws on these devices, but as bits: floats XLA would make of other ones, and
        # where it selects the algorithm it takes fifteen times as long. Where
        # `stateless_uniform` is told the algorithm, it makes the key by thirty ops.
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
        bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=tf.shape(inputs), key=key, counter=counter, alg=PHILOX, dtype=tf.uint32
        )
        # The 23 bits that make a float from [0, 1), which is kept from the rate on.
        kept = bits & (2**23 - 1) >= tf.cast(tf.math.ceil(self.rate * 2.0**23), tf.uint32)
        return inputs * (tf.cast(kept, inputs.dtype) / tf.cast(1 - self.rate, inputs.dtype))


def _clone(layer: keras.Layer) -> keras.Layer:
    has_variable_rate = type(layer) is keras.layers.Dropout and _names(layer)
    return (_Dropout if has_variable_rate else type(layer)).from_config(layer.get_config())


def _of_layers(model: keras.Model) -> Iterator[Number]:
    """The numbers of a model's layers that its twin holds."""
    for layer in model.layers:
        for name in _names(layer):
            yield layer, name


def _of_optimizer(optimizer: keras.Optimizer) -> Iterator[Number]:
    """The same of an optimizer; one that mixed precision has wrapped has none."""
    for name in OPTIMIZER_NUMBERS:
        if getattr(optimizer, name) is not None:
            yield optimizer, name


def _names(layer: keras.Layer) -> tuple[str, ...]:
    kind = type(layer)
    if kind is keras.layers.Dropout and (layer.noise_shape or not 0 < layer.rate < 1):
        return ()  # it does nothing, or all, or whole channels: another graph
    if kind is _Dropout:
        return NUMBERS["Dropout"]
    return NUMBERS.get(kind.__name__, ()) if kind.__module__.startswith("keras.") else ()


def _share_reads(optimizer: keras.Optimizer) -> None:
    """Have it read its learning rate and count of steps once a step.

    Of what it computes of numbers that it reads for each variable, TensorFlow can't know that it
    is the same each time.
    """
    update = optimizer._backend_update_step

    def update_by_one_read(
        gradients: list[tf.Tensor], variables: list[keras.Variable], learning_rate: Any
    ) -> None:
        count = optimizer._iterations
        optimizer._iterations = tf.convert_to_tensor(count)
        try:
            update(gradients, variables, tf.convert_to_tensor(learning_rate))
        finally:
            optimizer._iterations = count

    optimizer._backend_update_step = update_by_one_read


def _held(originals: Iterable[Number], own: Iterable[Number]) -> list[tf.Variable]:
    """Variables of a twin's, in which it has its original's numbers."""
    held = []
    for (source, name), (part, _) in zip(originals, own, strict=True):
        value = getattr(source, name)
        kind = value.dtype if tf.is_tensor(value) else tf.float32  # a clipnorm may be given as 1
        variable = tf.Variable(value, dtype=kind, trainable=False)
        setattr(part, name, variable)
        held.append(variable)
    return held


def _assign(held: Sequence[tf.Variable], numbers: Iterable[Number]) -> None:
    for variable, (part, name) in zip(held, numbers, strict=True):
        variable.assign(getattr(part, name))


def _copy(sources: Sequence[keras.Variable], targets: Sequence[keras.Variable]) -> None:
    for source, target in zip(sources, targets, strict=True):
        target.assign(source)


def _foreign(config: object) -> Iterator[str]:
    if isinstance(config, dict):
        name, module = str(config.get("class_name")), str(config.get("module"))
        if name in ("Lambda", "__lambda__") or "value" in config:  # so Keras writes code
            yield "a lambda"
        elif "module" in config and module.partition(".")[0] != "keras":
            yield str(config["config"]) if name == "function" else name
        config = list(config.values())
    if isinstance(config, list | tuple):
        for value in config:
            yield from _foreign(value)
