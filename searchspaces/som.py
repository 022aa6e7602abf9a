"""The default space of the som family."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

SPACE = SearchSpace.parse(
    {
        # A larger map always quantizes better: to compare other settings, give these one value.
        "rows": Int(low=5, high=15),
        "columns": Int(low=5, high=15),
        "sigma": Float(low=1.0, high=5.0),
        "sigma_decay": Float(low=0.7, high=0.95),
        "rate": Float(low=0.05, high=1.0, log=True),
        "rate_decay": Float(low=0.8, high=1.0),
        "batch_size": Choice(values=(1, 16, 64)),
    }
)
