"""The parameters that training reads in every family, and what each may be."""

from collections.abc import Iterator

from kerasearch.searchspaces.domains import Domain
from kerasearch.searchspaces.parameters import Choice, Parameter, Params
from kerasearch.searchspaces.problems import Problem, pointer_to, unknown

OPTIMIZERS = (
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lion",
    "nadam",
    "rmsprop",
    "sgd",
)
"""What `keras.optimizers.get` knows by name and that fits any weights as it is."""


TRAINING_NUMBERS = {
    "learning_rate": Domain(),
    "batch_size": Domain(whole=True),
    "clipnorm": Domain(or_null=True),
    "weight_decay": Domain(or_zero=True, or_null=True),
    "epochs": Domain(whole=True),
}

TRAINING_PARAMETERS = ("optimizer", *TRAINING_NUMBERS)

DEFAULTS: Params = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 32,
    "clipnorm": None,
    "weight_decay": None,
}
"""Where a space doesn't name them; `epochs` is the budget's then."""


def training_problems(name: str, parameter: Parameter) -> Iterator[Problem]:
    """Why training can't use a parameter that it reads, under this name or the one it sets.

    Pointers stop at the parameter, which may have been written as a string or a plain value.
    """
    read_as = parameter.sets or name
    if read_as in TRAINING_NUMBERS:
        if not TRAINING_NUMBERS[read_as].admits(parameter):
            detail = f"{read_as} must be {TRAINING_NUMBERS[read_as]}, and {parameter} isn't always"
            yield Problem(pointer_to(name), detail)
    elif read_as != "optimizer":
        return
    elif not isinstance(parameter, Choice):
        yield Problem(pointer_to(name), "an optimizer is a choice of names: [adam, sgd]")
    else:
        for value in parameter.values:
            if value not in OPTIMIZERS:
                yield Problem(pointer_to(name), unknown("optimizer", str(value), OPTIMIZERS))
