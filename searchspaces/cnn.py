"""The default space of the cnn family: one to three convolution blocks over an image."""

from kerasearch.searchspaces.space import Choice, Float, Int, SearchSpace

_AUGMENTED = {"augmentation": (True,)}

SPACE = SearchSpace.parse(
    {
        "blocks": Int(low=1, high=3),
        "filters": Choice(values=(16, 32, 64)),
        "kernel_size": Choice(values=(3, 5)),
        "pooling": Choice(values=("max", "average")),
        "batch_norm": Choice(values=(False, True)),
        "dense_units": Choice(values=(32, 64, 128, 256)),
        "dropout": Float(low=0.0, high=0.5),
        "augmentation": Choice(values=(False, True)),
        # Whether a mirrored image is still of its class is for the data to say; digits aren't.
        "flip": Choice(values=("none", "horizontal"), when=_AUGMENTED),
        "rotation": Float(low=0.0, high=0.1, when=_AUGMENTED),
        "zoom": Float(low=0.0, high=0.2, when=_AUGMENTED),
        "shear": Float(low=0.0, high=0.2, when=_AUGMENTED),
        # All three adapt their steps, so one range of learning rates suits them.
        "optimizer": Choice(values=("adam", "nadam", "rmsprop")),
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Choice(values=(32, 64, 128)),
    }
)

VALUES = {"pooling": ("max", "average"), "flip": ("none", "horizontal")}
"""All that there are."""
