"""A HyperModel's own `fit`: how it is called, and what it asks for before it trains."""

import re
from typing import Any, NoReturn

import keras
import numpy as np
from keras_tuner import HyperModel, HyperParameters

FIT_OPTIONS = ("epochs", "batch_size", "verbose")
"""What a `fit` is given, unless it says it itself."""

_REFUSED = re.compile(r"(?:multiple values for|unexpected) keyword argument '(\w+)'")


class _BeginsToTrain(BaseException):  # no `except Exception` of a plugin takes it for its own
    pass


def ask_fit(
    hypermodel: HyperModel, hp: HyperParameters, model: keras.Model, options: set[str]
) -> None:
    """Have a `fit` ask `hp` for what it needs; it is stopped where it begins to train.

    Args:
        hypermodel: Has a `fit` of its own.
        hp: Registers what is asked for.
        model: As `build` gave it; it is spoilt.
        options: Of FIT_OPTIONS; those that this `fit` says itself, or doesn't take, are removed.

    Raises:
        ValueError: It takes no callbacks or no validation data.
    """
    for method in ("fit", "train_on_batch", "evaluate", "predict"):
        setattr(model, method, _begin_to_train)
    x = np.zeros((2, *_example_shape(model)), np.float32)
    y = np.zeros(2, np.int64)
    while True:
        given: dict[str, Any] = dict.fromkeys(options, 1)
        try:
            hypermodel.fit(hp, model, x, y, validation_data=(x, y), callbacks=[], **given)
        except _BeginsToTrain:
            return
        except Exception as error:  # made of zeros: no more can be known without rows
            refused = _REFUSED.search(str(error)) if isinstance(error, TypeError) else None
            if refused is None:
                return
            if refused[1] not in options:
                raise ValueError(f"its fit must take {refused[1]} and pass it on") from error
            options.remove(refused[1])
        else:
            return


def _begin_to_train(*_: object, **__: object) -> NoReturn:
    raise _BeginsToTrain


def _example_shape(model: keras.Model) -> tuple[int, ...]:
    try:
        return tuple(length or 1 for length in model.input_shape[1:])
    except (AttributeError, TypeError, ValueError):  # it is built by its first rows, or has inputs
        return (1,)
