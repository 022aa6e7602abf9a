from collections.abc import Callable

import pytest

from kerasearch.models.plugins.recorded import Recording
from kerasearch.searchspaces.training import TRAINING_PARAMETERS

Record = Callable[[str], Recording]

MODEL = """
    def model_of(units, compiled=False):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
        if compiled:
            model.compile("sgd", "mse")
        return model
"""


def test_every_function_of_hp_and_every_hypermodel_is_offered(record_source: Record) -> None:
    recording = record_source(
        MODEL
        + '''
    def build(hp):
        """One layer.

        Of some units.
        """
        return model_of(hp.Int("units", 1, 8))

    class Compiled(kt.HyperModel):
        def build(self, hp):
            return model_of(hp.Int("units", 1, 8), compiled=True)

    class Sized(kt.HyperModel):
        """Of a size."""

        def __init__(self, most):
            super().__init__()
            self.most = most

        def build(self, hp):
            return model_of(hp.Int("units", 1, self.most))

    wide = Sized(512)

    def helper(hp, units):
        raise AssertionError("it isn't one of hp alone")

    def rate(hp):
        return hp.Float("rate", 0, 1)
'''
    )
    assert recording.errors == {}
    assert {name: model.description for name, model in recording.models.items()} == {
        "build": "One layer.",
        "Compiled": "",
        "wide": "Of a size.",
    }
    assert recording.models["build"].name == f"plugin:{recording.module}:build"
    assert recording.models["build"].training == TRAINING_PARAMETERS
    assert recording.models["Compiled"].training == ("batch_size", "epochs")
    assert recording.models["wide"].space.parameters["units"].bounds() == (1, 512)
    assert Recording.model_validate_json(recording.model_dump_json()) == recording


def test_what_fit_asks_for_is_searched_and_what_it_says_itself_is_not_given_to_it(
    record_source: Record,
) -> None:
    recording = record_source(
        MODEL
        + """
    class Own(kt.HyperModel):
        def build(self, hp):
            return model_of(2, compiled=True)

        def fit(self, hp, model, *args, **kwargs):
            if hp.Boolean("twice"):
                hp.Int("first_epochs", 1, 3)
            return model.fit(*args, batch_size=hp.Choice("batch", [8, 16]), epochs=9, **kwargs)
    """
    )
    own = recording.models["Own"]
    assert [*own.space.parameters] == ["twice", "batch", "first_epochs"]
    assert own.fit_options == ("verbose",)
    assert own.training == ()


def test_a_fit_without_room_for_callbacks_is_disabled(record_source: Record) -> None:
    recording = record_source(
        MODEL
        + """
    class Own(kt.HyperModel):
        def build(self, hp):
            return model_of(2, compiled=True)

        def fit(self, hp, model, x, y, validation_data):
            return model.fit(x, y)
    """
    )
    assert recording.errors == {"Own": "ValueError: its fit must take callbacks and pass it on"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def build(hp:", "line 3: SyntaxError: '(' was never closed"),
        ("import nosuchmodule", "line 3: ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("import sys\nsys.exit('no')", "line 4: SystemExit: no"),
        ("x = 1", "it offers nothing: no function of hp alone that returns a Keras model"),
        ("def build(hp):\n    pass", "; build returns NoneType, no Keras model"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    record_source: Record, source: str, reason: str
) -> None:
    recording = record_source(source)
    assert reason in recording.errors[""]
    assert recording.models == {}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def build(hp):\n    return hp.get('units')", "line 4: KeyError: 'units does not exist.'"),
        (
            "class Sized(kt.HyperModel):\n    def __init__(self, size):\n        pass",
            "ValueError: needs size: give defaults, or make an instance in the module",
        ),
        (
            "def build(hp):\n    hp.Float('a', 1, 9, sampling='reverse_log')\n"
            "    return keras.Sequential()",
            "/a: is sampled by reverse_log",
        ),
        (
            "def build(hp):\n    hp.Choice('optimizer', ['adam', 'mine'])\n"
            "    return keras.Sequential()",
            "/optimizer: no optimizer 'mine'",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_disabled_alone(
    record_source: Record, source: str, reason: str
) -> None:
    fine = "\ndef fine(hp):\n    return keras.Sequential()"
    recording = record_source(source + fine)
    assert [*recording.models] == ["fine"]
    (why,) = recording.errors.values()
    assert why.startswith(reason)


def test_data_that_fail_leave_the_models_usable(record_source: Record) -> None:
    recording = record_source(
        "def build(hp):\n    return keras.Sequential()\ndef data():\n    return 1"
    )
    assert [*recording.models] == ["build"]
    assert "data() must return x, y" in recording.errors["data"]
