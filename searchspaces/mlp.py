"""The default space of the mlp family: one to three dense layers, each of its own width."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

_WIDTHS = (16, 32, 64, 128, 256)

SPACE = SearchSpace.parse(
    {
        "layers": Int(low=1, high=3),
        "units_1": Choice(values=_WIDTHS),
        "units_2": Choice(values=_WIDTHS, when={"layers": (2, 3)}),
        "units_3": Choice(values=_WIDTHS, when={"layers": (3,)}),
        "activation": Choice(values=("relu", "gelu", "tanh")),
        "batch_norm": Choice(values=(False, True)),
        "dropout": Float(low=0.0, high=0.5),
        # All three adapt their steps, so one range of learning rates suits them.
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)
