"""What a model costs, told from its shapes alone: it may be a sketch, without values.

Of functional and sequential models; a layer that is used twice counts once.
"""

import math
from collections.abc import Iterable, Iterator

import keras

from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.sketch import BYTES_A_PARAMETER

BYTES_A_NUMBER = 4  # single precision


def flops(model: keras.Model) -> int:
    """Multiplications and additions of one example's forward pass.

    Two for each weight of a kernel at each position or step where it is used, one for each of a
    bias or a normalization; in attention two for each product of a query with a key, and of a score
    with a value. Look-ups, activations, pooling, and what a recurrent cell does with its gates
    count nothing.
    """
    return sum(_layer_flops(layer) for layer in _layers(model))


def memory_mib(model: keras.Model, batch_size: int) -> float:
    """Memory of a training: of the weights, the optimizer and a batch's activations.

    `BYTES_A_PARAMETER` for each parameter, and for each example of a batch two numbers, the value
    and its gradient, for each output of each layer, each gate of a recurrent layer at each step,
    and each score of attention. What Python and the framework take, some 700 MiB, isn't in it.
    """
    kept = sum(_activations(layer) for layer in _layers(model))
    activations = 2 * batch_size * kept * BYTES_A_NUMBER
    return float((model.count_params() * BYTES_A_PARAMETER + activations) / 2**20)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _layer_flops(layer: keras.layers.Layer) -> int:
    if isinstance(layer, keras.layers.Embedding):
        return 0
    positions = _positions(layer)
    weights = sum(
        math.prod(w.shape) * (1 if len(w.shape) < 2 or "bias" in w.name else 2)
        for w in layer.weights
    )
    products = _scores(layer) * 2 * sum(_head_sizes(layer))
    return int(positions * weights + products)


def _activations(layer: keras.layers.Layer) -> int:
    gates = sum(w.shape[-1] for w in layer.weights if w.name == "recurrent_kernel")
    outputs = sum(math.prod(shape[1:]) for shape in _shapes(layer, "output"))
    return int(outputs + gates * _positions(layer) + _scores(layer))


def _positions(layer: keras.layers.Layer) -> int:
    """At how many places of an example the layer's weights are used."""
    by_input = (
        keras.layers.RNN,
        keras.layers.Bidirectional,
        keras.layers.Conv1DTranspose,
        keras.layers.Conv2DTranspose,
        keras.layers.Conv3DTranspose,
    )
    shape = _shapes(layer, "input" if isinstance(layer, by_input) else "output")[0]
    return math.prod(shape[1:-1])


def _scores(layer: keras.layers.Layer) -> int:
    """How often attention compares a query with a key."""
    if not isinstance(layer, keras.layers.MultiHeadAttention):
        return 0
    queries, keys = _shapes(layer, "input")[:2]
    return int(layer.num_heads * queries[1] * keys[1])


def _head_sizes(layer: keras.layers.Layer) -> Iterable[int]:
    if not isinstance(layer, keras.layers.MultiHeadAttention):
        return ()
    return layer.key_dim, layer.value_dim


def _shapes(layer: keras.layers.Layer, side: str) -> list[tuple[int, ...]]:
    """Shapes of what goes into a layer, or comes out."""
    try:
        tensors = keras.tree.flatten(getattr(layer, side))
    except AttributeError as error:
        raise InfeasibleError(
            f"the layer {layer.name} has no shapes before it runs, so its cost isn't known: "
            "build a functional model, or leave limits.flops and limits.memory_mib out"
        ) from error
    return [tensor.shape for tensor in tensors]
