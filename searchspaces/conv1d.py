"""The default space of the conv1d family: one to three convolution blocks over a sequence."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

SPACE = SearchSpace.parse(
    {
        "blocks": Int(low=1, high=3),
        "filters": Choice(values=(16, 32, 64)),
        "kernel_size": Choice(values=(3, 5, 7)),
        "pooling": Choice(values=("max", "average")),
        "batch_norm": Choice(values=(False, True)),
        "dense_units": Choice(values=(32, 64, 128)),
        "dropout": Float(low=0.0, high=0.5),
        # All three adapt their steps, so one range of learning rates suits them.
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)

VALUES = {"pooling": ("max", "average")}
"""All that there are."""
