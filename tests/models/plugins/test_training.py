"""A plugin trained here and by KerasTuner's own parts."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.dataset import Examples
from kerasearch.models.datasets.scaling import Scaling, fit_scaling
from kerasearch.models.evaluation import evaluate
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.plugins.family import PluginFamily
from kerasearch.models.plugins.loading import load_plugin
from kerasearch.models.plugins.recorded import Recording
from kerasearch.models.plugins.training import train_plugin
from kerasearch.models.training import TrainedModel
from kerasearch.searchspaces.parameters import Params

CLASSES = 3
PLAN = TrainingPlan(epochs=2, early_stopping=None)
BY_LOSS = TrainingPlan(2, "val_loss", "minimize", early_stopping=None)
NOT_SCALED = Scaling(np.zeros(4, np.float32), np.ones(4, np.float32))

CONDITIONAL = """
    class Branches(kt.HyperModel):
        def build(self, hp):
            inputs = x = keras.Input((4,))
            kind = hp.Choice("kind", ["deep", "wide"])
            with hp.conditional_scope("kind", ["deep"]):
                if kind == "deep":
                    for i in range(hp.Int("layers", 1, 3)):
                        with hp.name_scope("block"):
                            units = hp.Int(f"units_{i}", 4, 16, step=4)
                        x = keras.layers.Dense(units, activation="relu")(x)
            with hp.conditional_scope("kind", ["wide"]):
                if kind == "wide":
                    x = keras.layers.Dense(hp.Choice("width", [32, 64]), activation="relu")(x)
                    dropped = hp.Boolean("dropped")
                    with hp.conditional_scope("dropped", [True]):
                        if dropped:
                            x = keras.layers.Dropout(hp.Float("rate", 0.1, 0.5))(x)
            outputs = keras.layers.Dense(3, activation="softmax")(x)
            model = keras.Model(inputs, outputs)
            optimizer = keras.optimizers.Adam(hp.Float("lr", 1e-3, 1e-1, sampling="log"))
            model.compile(
                optimizer, "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True
            )
            return model

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Choice("batch", [30, 60]), **kwargs)
"""


@pytest.fixture(scope="module")
def parts() -> Parts:
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, 90)
    x = rng.normal(y[:, None] * 1.5, 1.0, (90, 4)).astype(np.float32)
    return Parts(x[:60], y[:60], x[60:], y[60:])


def shape_of(parts: Parts, scaling: Scaling) -> DataShape:
    if parts.y_train.dtype == np.float32:
        return DataShape((4,), 0, scaling, task="regression")
    classes = int(parts.y_train.max()) + 1
    return DataShape((4,), classes, scaling, class_names=tuple(map(str, range(classes))))


Train = Callable[..., TrainedModel]


@pytest.fixture
def train(
    write: Callable[[str], Path], recorded: Callable[[Path], Recording], parts: Parts
) -> Train:
    """Trains the one model that a plugin offers."""

    def train(
        source: str,
        params: Params | None = None,
        *,
        scale: str = "none",
        plan: TrainingPlan = PLAN,
        parts: Parts = parts,
        on_epoch: Callable[..., bool] = lambda *_: True,
    ) -> TrainedModel:
        path = write(source)
        recording = recorded(path)
        assert recording.errors == {}
        (plugin,) = recording.models.values()
        scaling = fit_scaling(parts.x_train, scale, "tabular")
        data = shape_of(parts, scaling)
        family = PluginFamily.load(plugin, path, recording.sha256, data)
        return train_plugin(family, params or {}, parts, plan, 7, on_epoch)

    return train


def build(last: str, compiled: str, fit: str = "") -> str:
    return f"""
    class Model(kt.HyperModel):
        def build(self, hp):
            inputs = keras.Input((4,))
            x = keras.layers.Dense(8, activation="relu")(inputs)
            model = keras.Model(inputs, keras.layers.Dense({last})(x))
            if {bool(compiled)}:
                model.compile({compiled or "None"}, run_eagerly=True)  # no time to trace
            return model
        {fit}
    """


SOFTMAX = "3, activation='softmax'"
SPARSE = "'adam', 'sparse_categorical_crossentropy', metrics=['accuracy']"
LOGITS = "keras.losses.{}(from_logits=True)"


class RandomSearch(keras_tuner.RandomSearch):  # type: ignore[misc]
    def _configure_tensorboard_dir(self, *_: object, **__: object) -> None:
        """It imports tensorboard, though no callback here writes to it."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")  # of Python's threads
def test_as_keras_tuner_it_has_the_same_parameters_and_the_same_loss_for_the_same_values_and_seed(
    write: Callable[[str], Path],
    recorded: Callable[[Path], Recording],
    parts: Parts,
    tmp_path: Path,
) -> None:
    path = write(CONDITIONAL)
    recording = recorded(path)
    plugin = recording.models["Branches"]

    class Seeded(load_plugin(path, recording.sha256).Branches):  # type: ignore[misc]
        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            keras.utils.set_random_seed(7)
            return super().build(hp)

    objective = keras_tuner.Objective("val_loss", "min")
    tuner = RandomSearch(Seeded(), objective, max_trials=4, seed=5, directory=tmp_path / "theirs")
    y, y_validation = (keras.utils.to_categorical(y) for y in (parts.y_train, parts.y_validation))
    rows = (parts.x_validation, y_validation)
    tuner.search(parts.x_train, y, validation_data=rows, epochs=2, verbose=0)

    ours = {plugin.hp_names.get(name, name): name for name in plugin.space.parameters}
    theirs = tuner.oracle.get_space()
    assert {parameter.name for parameter in theirs.space} == ours.keys()
    family = PluginFamily.load(plugin, path, recording.sha256, shape_of(parts, NOT_SCALED))
    compared = 0
    for trial in tuner.oracle.trials.values():
        values = trial.hyperparameters.values
        if values.keys() != active_of(theirs, values):
            continue  # begun before KerasTuner had found them all
        params = plugin.space.check({ours[name]: value for name, value in values.items()})
        trained = train_plugin(family, params, parts, BY_LOSS, 7, lambda *_: True)
        assert trained.metrics["val_loss"] == trial.metrics.get_best_value("val_loss")
        compared += 1
    assert compared == 3


def active_of(space: keras_tuner.HyperParameters, values: dict[str, object]) -> set[str]:
    space.values = dict(values)
    return {parameter.name for parameter in space.space if space.is_active(parameter)}


def binary(parts: Parts) -> Parts:
    return replace(parts, y_train=parts.y_train % 2, y_validation=parts.y_validation % 2)


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (SOFTMAX, "'sparse_categorical_crossentropy'"),
        (SOFTMAX, "keras.losses.CategoricalCrossentropy()"),
        ("3", LOGITS.format("SparseCategoricalCrossentropy")),
        ("1, activation='sigmoid'", "'binary_crossentropy'"),
        ("1", LOGITS.format("BinaryCrossentropy")),
    ],
)
def test_whatever_the_loss_takes_the_model_gives_class_probabilities_of_raw_rows(
    train: Train, parts: Parts, last: str, loss: str
) -> None:
    parts = binary(parts) if last.startswith("1") else parts
    trained = train(
        build(last, f"'adam', {loss}, metrics=['accuracy']"), parts=parts, scale="standard"
    )
    data = shape_of(parts, NOT_SCALED)
    judged = evaluate(trained.model, Examples(parts.x_validation, parts.y_validation), data)
    assert judged.metrics["loss"] == pytest.approx(trained.metrics["val_loss"], rel=1e-4)
    if last != "1":  # Keras's own accuracy takes a logit of 0.5 for the border
        assert judged.metrics["accuracy"] == pytest.approx(trained.metrics["val_accuracy"])


def test_the_file_of_a_model_with_logits_and_scaling_loads_in_plain_keras(
    train: Train, parts: Parts, tmp_path: Path
) -> None:
    loss = LOGITS.format("BinaryCrossentropy")
    trained = train(
        build("1", f"'adam', {loss}"), parts=binary(parts), plan=BY_LOSS, scale="minmax"
    )
    trained.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    probabilities = loaded.predict(parts.x_validation, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        probabilities, trained.model.predict(parts.x_validation, verbose=0), rtol=1e-5
    )


def test_a_model_that_is_not_compiled_is_trained_as_a_family_is(train: Train) -> None:
    source = f"""
    def build(hp):
        units = hp.Int("units", 2, 8)
        layers = [keras.layers.Dense(units), keras.layers.Dense({SOFTMAX})]
        return keras.Sequential(layers)
    """
    params: Params = {"units": 4, "learning_rate": 0.01, "batch_size": 16}
    trained = train(source, params)
    assert trained.path == "compiled epochs"
    assert trained.epochs == 2
    assert trained.model.input_shape == (None, 4)


def test_a_model_of_numbers_is_trained_by_its_own_loss(train: Train, parts: Parts) -> None:
    numbers = replace(parts, y_train=parts.x_train[:, 0], y_validation=parts.x_validation[:, 0])
    trained = train(build("1", "'adam', 'mse', metrics=['mae']"), parts=numbers, plan=BY_LOSS)
    assert trained.curves.keys() == {"loss", "mae", "val_loss", "val_mae"}
    assert trained.model.output_shape == (None, 1)


def test_a_model_of_a_class_of_its_own_is_trained(train: Train) -> None:
    trained = train("""
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.last(x)

    def build(hp):
        model = Net()
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True,
                      metrics=["accuracy"])
        return model
    """)
    assert trained.epochs == 2
    assert trained.model.input_shape == (None, 4)  # one around it, whose file tells its rows


def test_on_epoch_hears_of_each_epoch_and_can_end_the_training(train: Train) -> None:
    told = []
    trained = train(build(SOFTMAX, SPARSE), on_epoch=lambda epoch, _: told.append(epoch))
    assert (told, trained.stopped, trained.epochs) == ([1], True, 1)


def test_what_the_service_raises_between_epochs_goes_through(train: Train) -> None:
    class LeaseLostError(Exception):
        pass

    def on_epoch(*_: object) -> bool:
        raise LeaseLostError

    with pytest.raises(LeaseLostError):
        train(build(SOFTMAX, SPARSE), on_epoch=on_epoch)


def own_fit(body: str) -> str:
    return build(SOFTMAX, SPARSE, f"def fit(self, hp, model, x, y, **kwargs): {body}")


def test_a_number_that_fit_returns_is_the_objective_and_its_weights_stay(train: Train) -> None:
    told = []
    trained = train(
        own_fit("[w.assign(w * 0 + 2) for w in model.weights]; return 0.25"),
        on_epoch=lambda *said: told.append(said) or True,
    )
    assert trained.metrics == {"val_accuracy": 0.25}
    assert told == [(1, {"val_accuracy": 0.25})]
    assert all((weights == 2).all() for weights in trained.model.get_weights())


def test_metrics_that_fit_returns_stand_at_its_last_epoch(train: Train) -> None:
    trained = train(own_fit("model.fit(x, y, **kwargs); return {'val_accuracy': 0.5, 'mine': 7}"))
    assert trained.best_epoch == 2
    assert trained.metrics["val_accuracy"] == 0.5
    assert trained.metrics["mine"] == 7
    assert len(trained.curves["loss"]) == 2


def test_weights_of_classes_are_given_to_its_fit(train: Train) -> None:
    plan = replace(PLAN, class_weight={"1": 4.0})
    own = own_fit("return kwargs.get('class_weight', {}).get(1, 0.0)")
    assert train(own, plan=plan).metrics == {"val_accuracy": 4.0}
    one_hot = build(SOFTMAX, "'adam', 'categorical_crossentropy', metrics=['accuracy']")
    assert train(one_hot, plan=plan).curves != train(one_hot).curves


def test_epochs_of_several_turns_of_fit_are_counted_on(train: Train) -> None:
    told = []
    trained = train(
        own_fit("model.fit(x, y, **kwargs); return model.fit(x, y, **kwargs)"),
        on_epoch=lambda epoch, _: told.append(epoch) or True,
    )
    assert told == [1, 2, 3, 4]
    best = max(trained.curves["val_accuracy"])
    assert trained.curves["val_accuracy"].index(best) + 1 == trained.best_epoch


def test_epochs_before_the_first_that_tells_the_objective_count(train: Train) -> None:
    told = []
    trained = train(
        own_fit(
            "model.fit(x, y, epochs=1, callbacks=kwargs['callbacks']); "
            "return model.fit(x, y, **kwargs)"
        ),
        on_epoch=lambda epoch, metrics: told.append((epoch, metrics)) or True,
    )
    assert [epoch for epoch, _ in told] == [1, 2, 3]
    assert trained.epochs == 3
    first, *later = trained.curves["val_accuracy"]
    assert math.isnan(first)
    assert later.index(max(later)) + 2 == trained.best_epoch
    assert trained.metrics == told[trained.best_epoch - 1][1]


def test_epochs_after_the_last_that_tells_the_objective_count(train: Train) -> None:
    trained = train(
        own_fit(
            "model.fit(x, y, **kwargs); "
            "model.compile('sgd', 'mse', metrics=['mae'], run_eagerly=True); "
            "model.fit(x, keras.utils.to_categorical(y), callbacks=kwargs['callbacks']); "
            "return {'val_accuracy': 0.5}"
        ),
    )
    assert (trained.epochs, trained.best_epoch) == (3, 3)
    assert trained.metrics.keys() == {"loss", "mae", "val_accuracy"}
    assert trained.metrics["val_accuracy"] == 0.5


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            build(SOFTMAX, "'adam', 'sparse_categorical_crossentropy'"),
            "its training tells loss, val_loss, and not the objective, val_accuracy: compile",
        ),
        (
            build("5, activation='softmax'", SPARSE),
            r"it gives \(5,\) an example, .* ask for \(3,\)",
        ),
        (own_fit("return float('nan')"), "its fit returned nan as val_accuracy"),
        (own_fit("return None"), "its fit must return a History, a number or a dict, not NoneType"),
        (own_fit("return {'val_loss': 1.0}"), "tells val_loss, and not the objective"),
        (own_fit("x.nothing()"), "cannot train the model: line 12: AttributeError: .*nothing"),
        (
            own_fit("hp.Int('late', 1, 3) if x.any() else 0; return 0.5"),
            "it asks for 'late' on a way that its recording didn't find",
        ),
    ],
)
def test_what_cannot_be_trained_says_why(train: Train, source: str, reason: str) -> None:
    with pytest.raises(InfeasibleError, match=reason):
        train(source)
