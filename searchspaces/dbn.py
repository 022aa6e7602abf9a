"""The default space of the dbn family: one to three layers of machines, then fine-tuning."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

_WIDTHS = (32, 64, 128, 256)

SPACE = SearchSpace.parse(
    {
        "layers": Int(low=1, high=3),
        "units_1": Choice(values=_WIDTHS),
        "units_2": Choice(values=_WIDTHS, when={"layers": (2, 3)}),
        "units_3": Choice(values=_WIDTHS, when={"layers": (3,)}),
        "pretraining_epochs": Int(low=5, high=20),
        "pretraining_rate": Float(low=1e-3, high=2e-2, log=True),
        "optimizer": Choice(values=("adam",)),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)
