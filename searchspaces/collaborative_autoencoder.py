"""The default space of the collaborative_autoencoder family."""

from kerasearch.searchspaces.space import Choice, Float, SearchSpace

ACTIVATIONS = ("tanh", "sigmoid", "relu", "linear")

SPACE = SearchSpace.parse(
    {
        "code": Choice(values=(8, 16, 32, 64, 128)),
        "activation": Choice(values=("tanh", "sigmoid")),
        "corruption": Float(low=0.1, high=0.5),
        # What was hidden is what is to be told; the others count less, never more.
        "alpha": Choice(values=(1.0,)),
        "beta": Float(low=0.2, high=1.0),
        "l2": Float(low=1e-6, high=1e-3, log=True),
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-3, high=3e-2, log=True),
        "batch_size": Choice(values=(16, 32, 64)),
    }
)

VALUES = {"activation": ACTIVATIONS}
"""What a job may choose beyond the default space."""
