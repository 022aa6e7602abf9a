"""What a model family is: it builds a Keras model for some data from one trial's parameters."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras
from keras_tuner import HyperParameters

from kerasearch.models.criteria import Criterion, criterion_of
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.datasets.scaling import Scaling
from kerasearch.searchspaces.parameters import Value
from kerasearch.searchspaces.problems import unknown

__all__ = ["DataShape", "ModelFamily", "hyperparameters", "one_of", "or_before", "whole"]

WHOLE = "float32"
"""Of layers that stay in single precision where others don't: raw rows in, probabilities out."""


class ModelFamily(ABC):
    """Builds models of one kind for one set of data and its task.

    A model takes raw rows, shape `(n, *input_shape)`, and gives what `head` says. Where it consists
    of Keras's own layers alone, its file loads in plain Keras. A subclass writes `build` between
    `scaled_input` and `head`:

        def build(self, hp):
            inputs, x = self.scaled_input()
            x = keras.layers.Dense(whole(hp, "units"), activation="relu")(x)
            return self.head(inputs, x)
    """

    def __init__(self, data: DataShape) -> None:
        self.data = data

    @abstractmethod
    def build(self, hp: HyperParameters) -> keras.Model:
        """A model with fresh weights; training compiles it.

        Args:
            hp: Holds a value for every active parameter of the family's space: `hp["units"]`.

        Raises:
            ValueError: No model can be built from these values; the trial becomes infeasible.
        """

    def criterion(self, hp: HyperParameters, asked: Collection[str]) -> Criterion:
        """What training minimizes and reports; a family with a loss of its own says so here.

        Args:
            hp: As `build` gets it.
            asked: Metrics that the job looks at: its objective, what its early stopping watches.
        """
        return criterion_of(self.data, asked)

    def prepare(  # noqa: B027 - most need none
        self, model: keras.Model, hp: HyperParameters, x_train: Features
    ) -> None:
        """Called once on the compiled model before its first epoch: to train it layer by layer."""

    def scaled_input(self, *, masked: bool = True) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """The model's input, and the same scaled: `(x - offset) / scale`; of codes, one-hot.

        Args:
            masked: Steps of padding are told by a Keras mask, which goes on through recurrent
                layers to the output; else they are zeros like any step, for layers without masks.
        """
        inputs = keras.Input(self.data.input_shape, batch_size=self.data.streams)
        if self.data.symbols:
            return inputs, _one_hot(inputs, self.data.symbols)
        if not self.data.padded:
            return inputs, _scaled(inputs, self.data.scaling)
        scaled = _scaled(keras.layers.Masking(PADDING)(inputs), self.data.scaling)
        if masked:
            return inputs, scaled
        return inputs, keras.ops.where(keras.ops.equal(inputs, PADDING), 0.0, scaled)

    def head(self, inputs: keras.KerasTensor, features: keras.KerasTensor) -> keras.Model:
        """The model that ends in what the task asks for, made of `features`.

            classification      features (n, any) -> probabilities (n, classes)
            step_labelling      features (n, steps, any) -> probabilities (n, steps, classes)
            any other           features (n, any) -> numbers in real units (n, *target_shape)

        One number an example has the shape `(n, 1)`.
        """
        if self.data.task in ("classification", "step_labelling"):
            return self.classifier(inputs, features)
        shape = self.data.target_shape or (1,)
        numbers = keras.layers.Dense(math.prod(shape), dtype=WHOLE)(features)
        if len(shape) > 1:
            numbers = keras.layers.Reshape(shape)(numbers)
        return keras.Model(inputs, self.in_real_units(numbers))

    def classifier(self, inputs: keras.KerasTensor, features: keras.KerasTensor) -> keras.Model:
        """The model that ends in probabilities of classes, of each last axis of `features`."""
        head = keras.layers.Dense(self.data.classes, activation="softmax", dtype=WHOLE)
        return keras.Model(inputs, head(features))

    def in_real_units(self, numbers: keras.KerasTensor) -> keras.KerasTensor:
        """Numbers of mean 0 and deviation 1, last axis as the target's, in the target's units."""
        scaling = self.data.target_scaling
        if scaling is None:
            return numbers
        units = scaling.scale.tolist(), scaling.offset.tolist()
        return keras.layers.Rescaling(*units, dtype=WHOLE)(numbers)


def _one_hot(codes: keras.KerasTensor, symbols: int) -> keras.KerasTensor:
    """Vectors of `symbols - 1` numbers; that of the last symbol, what is unknown, is zeros."""
    identity = keras.layers.Embedding(symbols, symbols - 1, "identity", trainable=False)
    return identity(codes)


def _scaled(x: keras.KerasTensor, scaling: Scaling) -> keras.KerasTensor:
    offset, factor = scaling.offset.tolist(), (1.0 / scaling.scale.astype(float)).tolist()
    # Normalization alone would hold the scale's square and lift its root to 1e-7 at least:
    # wrong for features in tiny units, not finite for huge ones. With variance 1 it only
    # subtracts, which is exact where the offset is near.
    variance = [1.0] * len(offset)
    shifted = keras.layers.Normalization(mean=offset, variance=variance, dtype=WHOLE)(x)
    return keras.layers.Rescaling(factor, dtype=WHOLE)(shifted)


def hyperparameters(params: Mapping[str, Value]) -> HyperParameters:
    """A trial's parameters for `build`, which may read `hp["units"]` or `hp.Int("units", ...)`."""
    hp = HyperParameters()
    for name, value in params.items():
        if value is None:
            hp.values[name] = None  # Fixed takes everything else
        else:
            hp.Fixed(name, value)
    return hp


def or_before(hp: HyperParameters, name: str, before: Value) -> Any:
    """A parameter, or what stood for it before the family had it: old jobs have no such value."""
    return hp[name] if name in hp.values else before


def whole(hp: HyperParameters, name: str) -> int:
    """A count of at least 1, also where the space gave it as 10.0."""
    value = hp[name]
    if value != int(value) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value}")
    return int(value)


def one_of(hp: HyperParameters, name: str, known: Iterable[str]) -> str:
    """A value that is one of those known."""
    value = str(hp[name])
    if value not in (names := list(known)):
        raise ValueError(unknown(name, value, names))
    return value
