"""The default space of the rbm family."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

SPACE = SearchSpace.parse(
    {
        "hidden": Choice(values=(16, 32, 64, 128, 256)),
        "gibbs_steps": Int(low=1, high=5),
        # Plain descent is what contrastive divergence is known with; adam needs less care.
        "optimizer": Choice(values=("sgd", "adam")),
        "learning_rate": Float(low=1e-3, high=1e-1, log=True),
        "batch_size": Choice(values=(16, 32, 64)),
    }
)
