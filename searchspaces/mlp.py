"""The default space of the mlp family: one to five dense layers, each of its own width."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

_WIDTHS = (16, 32, 64, 128, 256)
_LAYERS = 5

SPACE = SearchSpace.parse(
    {
        "layers": Int(low=1, high=_LAYERS),
        "units_1": Choice(values=_WIDTHS),
        **{
            f"units_{layer}": Choice(
                values=_WIDTHS, when={"layers": tuple(range(layer, _LAYERS + 1))}
            )
            for layer in range(2, _LAYERS + 1)
        },
        "activation": Choice(values=("relu", "gelu", "tanh")),
        "batch_norm": Choice(values=(False, True)),
        # Of the features themselves little can be spared.
        "input_dropout": Float(low=0.0, high=0.25),
        "dropout": Float(low=0.0, high=0.5),
        "regularization": Choice(values=("none", "l1", "l2")),
        "penalty": Float(low=1e-6, high=1e-2, log=True, when={"regularization": ("l1", "l2")}),
        # All three adapt their steps, so one range of learning rates suits them.
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)

ACTIVATIONS = (
    "celu",
    "elu",
    "exponential",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
)
"""What Keras knows by name, needs no more, and leaves a layer as wide as it is."""

VALUES = {"activation": ACTIVATIONS}
"""What a job may choose beyond the default space."""
