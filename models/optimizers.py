"""Optimizers from the parameters that training reads."""

import keras

from kerasearch.searchspaces.parameters import Params


def make_optimizer(settings: Params) -> keras.optimizers.Optimizer:
    """The optimizer that training's parameters describe; null leaves one to Keras's own default."""
    names = ("learning_rate", "clipnorm", "weight_decay")
    config = {name: settings[name] for name in names if settings[name] is not None}
    return keras.optimizers.get({"class_name": settings["optimizer"], "config": config})
