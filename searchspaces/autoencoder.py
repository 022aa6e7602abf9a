"""The default space of the autoencoder family."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

VARIANTS = ("deep", "sparse", "denoising", "contractive", "stacked")
ACTIVATIONS = ("sigmoid", "tanh", "relu")

SPACE = SearchSpace.parse(
    {
        "variant": Choice(values=VARIANTS),
        "code": Choice(values=(2, 4, 8, 16, 32)),
        "layers": Int(low=1, high=3),
        "activation": Choice(values=("sigmoid", "tanh")),
        "noise": Float(low=0.05, high=0.5, when={"variant": ("denoising",)}),
        "sparsity": Choice(values=("l1",), when={"variant": ("sparse",)}),
        "sparsity_weight": Float(low=1e-5, high=1e-2, log=True, when={"variant": ("sparse",)}),
        "contraction": Float(low=1e-5, high=1e-2, log=True, when={"variant": ("contractive",)}),
        "pretraining_epochs": Int(low=5, high=20, when={"variant": ("stacked",)}),
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)

VALUES = {"activation": ACTIVATIONS}
"""What a job may choose beyond the default space."""
