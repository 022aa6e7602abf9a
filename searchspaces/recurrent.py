"""The default space of the recurrent family: up to four recurrent layers, then what the task asks.

Four stacked layers of 50 units with a dropout of 0.2, the classic for a series, lie in it.
"""

from kerasearch.searchspaces.space import Choice, Float, SearchSpace

CELLS = (
    "lstm",
    "gru",
    "simple_rnn",
    "lstm_peephole",
    "lstm_coupled",
    "lstm_no_input_gate",
    "lstm_no_forget_gate",
    "lstm_no_output_gate",
    "lstm_no_input_activation",
    "lstm_no_output_activation",
    "lstm_full_gate_recurrence",
)
"""All that there are; the default space tries the first three."""

INITIALIZERS = ("orthogonal", "glorot_uniform", "he_normal", "identity", "random_normal")

SPACE = SearchSpace.parse(
    {
        "cell": Choice(values=CELLS[:3]),
        "units": Choice(values=(10, 20, 50, 100)),
        "layers": Choice(values=(1, 2, 3, 4)),
        "bidirectional": Choice(values=(False, True)),
        # `one` ends the network after the recurrent part, `two` puts a dense layer before the
        # end: the words of the Hyperas scripts that people come from.
        "second_layer": Choice(values=("one", "two")),
        "dense_units": Choice(values=(10, 20, 30, 100), when={"second_layer": ("two",)}),
        "dropout": Float(low=0.0, high=0.5),
        # Above 0 each step takes twice as long: worth trying once the rest is found.
        "recurrent_dropout": Choice(values=(0.0,)),
        "recurrent_initializer": Choice(values=INITIALIZERS[:1]),
        # All three adapt their steps, so one range of learning rates suits them.
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)

BY_KIND: dict[str, dict[str, Choice | None]] = {
    # True keeps the states from a batch to the next one, which then goes on where it ended.
    "series": {"stateful": Choice(values=(False,))},
    # Read backwards, a text says at each step which character comes next.
    "text": {"bidirectional": None},
}
"""What a kind of data brings, and with None what it takes."""

VALUES = {"cell": CELLS, "recurrent_initializer": INITIALIZERS}
"""What a job may choose beyond the default space."""
