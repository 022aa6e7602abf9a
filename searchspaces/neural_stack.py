"""The default space of the neural_stack family."""

from kerasearch.searchspaces.space import Choice, Float, SearchSpace

SPACE = SearchSpace.parse(
    {
        "controller": Choice(values=("lstm", "gru", "simple_rnn")),
        "units": Choice(values=(16, 32, 64)),
        "width": Choice(values=(8, 16, 32)),
        "optimizer": Choice(values=("adam", "rmsprop")),
        "learning_rate": Float(low=1e-3, high=3e-2, log=True),
        # Stacks learn slowly first and then all at once: what is clipped stays on the way.
        "clipnorm": Choice(values=(1.0,)),
        "batch_size": Choice(values=(16, 32, 64)),
    }
)

VALUES = {"controller": ("lstm", "gru", "simple_rnn")}
"""All that there are."""
