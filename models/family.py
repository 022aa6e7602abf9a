"""What a model family is: it builds a Keras model for some data from one trial's parameters."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import keras
from keras_tuner import HyperParameters

from kerasearch.models.datasets.scaling import Scaling
from kerasearch.searchspaces.parameters import Value
from kerasearch.searchspaces.problems import unknown


@dataclass(frozen=True)
class DataShape:
    """What a model must know of the data it is built for.

    Attributes:
        input_shape: Of one example, as in `Dataset.x` without its first axis.
        classes: How many there are.
        scaling: Fitted on the training rows.
    """

    input_shape: tuple[int, ...]
    classes: int
    scaling: Scaling


class ModelFamily(ABC):
    """Builds classifiers of one kind.

    A model takes raw rows, shape `(n, *input_shape)`, and gives class probabilities, shape
    `(n, classes)`. It consists of Keras's own layers alone, so that its file loads in plain Keras.
    A subclass writes `build` between `scaled_input` and `classifier`:

        def build(self, hp):
            inputs, x = self.scaled_input()
            x = keras.layers.Dense(whole(hp, "units"), activation="relu")(x)
            return self.classifier(inputs, x)
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

    def scaled_input(self) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """The model's input, and the same scaled: `(x - offset) / scale`."""
        scaling = self.data.scaling
        offset, factor = scaling.offset.tolist(), (1.0 / scaling.scale.astype(float)).tolist()
        inputs = keras.Input(self.data.input_shape)
        # Normalization alone would hold the scale's square and lift its root to 1e-7 at least:
        # wrong for features in tiny units, not finite for huge ones. With variance 1 it only
        # subtracts, which is exact where the offset is near.
        shifted = keras.layers.Normalization(mean=offset, variance=[1.0] * len(offset))(inputs)
        return inputs, keras.layers.Rescaling(factor)(shifted)

    def classifier(self, inputs: keras.KerasTensor, features: keras.KerasTensor) -> keras.Model:
        """The model that ends in class probabilities made of `features`, shape `(n, any)`."""
        probabilities = keras.layers.Dense(self.data.classes, activation="softmax")(features)
        return keras.Model(inputs, probabilities)


def hyperparameters(params: Mapping[str, Value]) -> HyperParameters:
    """A trial's parameters for `build`, which may read `hp["units"]` or `hp.Int("units", ...)`."""
    hp = HyperParameters()
    for name, value in params.items():
        if value is None:
            hp.values[name] = None  # Fixed takes everything else
        else:
            hp.Fixed(name, value)
    return hp


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
