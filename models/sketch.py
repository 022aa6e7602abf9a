"""A model without values: what it would be, known before it takes memory."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import keras
import psutil
from keras.src.backend.common import global_state  # nothing public does what forget_models does
from keras_tuner import HyperParameters

from kerasearch.models.family import ModelFamily
from kerasearch.models.infeasible import InfeasibleError

BYTES_A_PARAMETER = 5 * 4
"""Single precision: a weight, its gradient, an optimizer's two moments, the best epoch's copy."""


@dataclass(frozen=True)
class Sketch:
    """A model without values.

    Attributes:
        lost_values: Building it set some, pretrained weights perhaps, which it didn't keep.
    """

    model: keras.Model
    lost_values: bool


@contextmanager
def sketched(family: ModelFamily, hp: HyperParameters) -> Iterator[Sketch]:
    """The model without values; it can be given those it begins with until the context ends.

    Raises:
        InfeasibleError: Half of this machine's memory can't train it.
    """
    if family.data.streams is not None:
        # States are made with values, of which the scope below has none.
        family = type(family)(replace(family.data, streams=None))
    forget_models()
    try:
        # In this scope variables have a shape and never get values.
        with keras.StatelessScope(initialize_variables=False) as scope:
            model = family.build(hp)
        require_room(model)
        yield Sketch(model, lost_values=bool(scope.state_mapping))
    finally:
        forget_models()


def give_values() -> None:
    """Make of the sketch whose context this is the model that `build` gives with the same seed.

    Of one that consists of Keras's own layers and lost no values.
    """
    with keras.StatelessScope():
        pass  # at whose end Keras gives values to all variables that have none


def require_room(model: keras.Model) -> None:
    """Refuse a model that half of this machine's memory can't train."""
    limit = psutil.virtual_memory().total // 2 // BYTES_A_PARAMETER
    if (count := model.count_params()) > limit:
        raise InfeasibleError(
            f"a model of {count:,} weights is too large: this machine trains {limit:,} at most"
        )


def forget_models() -> None:
    """Number layers from 1 again, and forget those variables that were left without values.

    So names don't tell how many models this process has built, and the next stateless scope makes
    no values. `keras.utils.clear_session` does that too, but then also collects garbage (0.3 s) and
    throws away the kernels of every program that is kept (0.3 s of CPU time at its next use).
    """
    global_state.set_global_attribute("object_name_uids", defaultdict(int))
    global_state.set_global_attribute("uninitialized_variables", [])
