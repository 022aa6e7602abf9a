"""The default space of the recurrent family: one or two recurrent layers, then the class scores."""

from kerasearch.searchspaces.space import Choice, Float, SearchSpace

SPACE = SearchSpace.parse(
    {
        "cell": Choice(values=("lstm", "gru", "simple_rnn")),
        "units": Choice(values=(10, 20, 50, 100)),
        "layers": Choice(values=(1, 2)),
        # `one` ends the network after the recurrent part, `two` puts a dense layer before the
        # softmax: the words of the Hyperas scripts that people come from.
        "second_layer": Choice(values=("one", "two")),
        "dense_units": Choice(values=(10, 20, 30, 100), when={"second_layer": ("two",)}),
        "dropout": Float(low=0.0, high=0.5),
        # All three adapt their steps, so one range of learning rates suits them.
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)
