from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest

from kerasearch.service.hyperas import Imported, import_script

SCRIPT = """
import numpy as np
import keras
from hyperas import optim
from hyperas.distributions import choice, conditional, loguniform, normal, pchoice
from hyperas.distributions import quniform, randint, uniform
from hyperopt import STATUS_OK, Trials, tpe
from keras.layers import Activation, Dense, Dropout
from keras.models import Sequential

def data():
    return x_train, y_train, x_test, y_test

def create_model(x_train, y_train, x_test, y_test):
{body}

optim.minimize(model=create_model, data=data, algo=tpe.suggest, max_evals=3)
"""
END = """\
model.compile('sgd', 'mse', metrics=['accuracy'])
model.fit(x_train, y_train, validation_data=(x_test, y_test))
loss, acc = model.evaluate(x_test, y_test)
return {'loss': -acc, 'status': STATUS_OK, 'model': model}
"""


@pytest.fixture
def import_source(tmp_path: Path) -> Callable[[str], Imported]:
    """Imports a script of this source."""

    def import_source(source: str, name: str = "script.py") -> Imported:
        (tmp_path / name).write_text(source)
        return import_script(tmp_path / name)

    return import_source


@pytest.fixture
def import_model(import_source: Callable[[str], Imported]) -> Callable[..., Imported]:
    """Imports a script whose model function has these lines, and then usual ones."""

    def import_model(lines: str, end: str = END) -> Imported:
        body = dedent(lines).strip("\n") + "\n" + dedent(end)
        return import_source(SCRIPT.replace("{body}", indent(body, "    ")))

    return import_model
