import keras
import numpy as np
import pytest

from kerasearch.models.criteria import METRICS, ScaledError, criterion_of
from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Dataset, Examples, Scaling
from kerasearch.models.datasets.padding import NO_LABEL
from kerasearch.models.evaluation import evaluate
from kerasearch.models.family import hyperparameters
from kerasearch.models.mlp import MLP
from kerasearch.models.plan import EarlyStopping, TrainingPlan
from kerasearch.models.tasks import TASKS
from kerasearch.models.training import train
from kerasearch.models.training_data import training_data

ROWS = 80


def scaling(*units: float) -> Scaling:
    return Scaling(np.zeros(len(units), np.float32), np.array(units, np.float32))


SHAPES = {
    "two classes": DataShape((4,), 2, scaling(1)),
    "three classes": DataShape((4,), 3, scaling(1)),
    "a number": DataShape((4,), 0, scaling(1), "regression", (), scaling(20)),
    "three numbers": DataShape((4,), 0, scaling(1), "regression", (3,), scaling(1, 20, 300)),
    "two steps of a series": DataShape(
        (4, 1), 0, scaling(1), "forecasting", (2,), scaling(20, 300)
    ),
    "a class a step": DataShape((4, 1), 3, scaling(1), "step_labelling", (4,)),
}


def examples(data: DataShape) -> Examples:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, *data.input_shape)).astype(np.float32)
    if data.classes:
        y = rng.integers(0, data.classes, (ROWS, *data.target_shape))
        if data.target_shape:
            y[::3, 2:] = NO_LABEL
        return Examples(x, y)
    return Examples(x, rng.normal(0, 50, (ROWS, *data.target_shape)).astype(np.float32))


def model_for(data: DataShape) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = x = keras.Input(data.input_shape)
    if data.task == "forecasting":
        x = keras.layers.Flatten()(x)
    return MLP(data).head(inputs, x)


@pytest.mark.parametrize("case", SHAPES)
def test_what_training_reports_is_what_evaluation_finds(case: str) -> None:
    data = SHAPES[case]
    every = TASKS[data.task].objectives(data.classes)
    criterion = criterion_of(data, every)
    model = model_for(data)
    model.compile(loss=criterion.loss, metrics=list(criterion.metrics))
    given = examples(data)
    reported = model.evaluate(given.x, given.y, batch_size=ROWS, verbose=0, return_dict=True)
    found = evaluate(model, given, data).metrics
    for name in (name.removeprefix("val_") for name in every):
        # Keras's AUC is by 200 thresholds.
        rel = 0.02 if name == "auc" else 1e-4
        assert reported[name] == pytest.approx(found[name], rel=rel), name


def test_only_what_is_watched_or_asked_for_is_reported() -> None:
    two = SHAPES["two classes"]
    assert criterion_of(two, []).metrics == ("accuracy",)
    names = [m if isinstance(m, str) else m.name for m in criterion_of(two, ["val_auc"]).metrics]
    assert names == ["accuracy", "auc"]
    assert set(METRICS) >= {name for task in TASKS.values() for name in task.watched} - {
        "quantization_error"
    }


@pytest.mark.parametrize("case", SHAPES)
def test_a_file_names_keras_own_alone(case: str) -> None:
    data = SHAPES[case]
    criterion = criterion_of(data, TASKS[data.task].objectives(data.classes))
    model = model_for(data)
    model.compile(loss=criterion.saved_loss, metrics=list(criterion.saved_metrics))
    given = examples(data)
    model.evaluate(given.x, np.maximum(given.y, 0), verbose=0)
    assert "kerasearch" not in str(model.get_compile_config())


def test_a_model_that_says_the_mean_has_a_loss_of_1() -> None:
    y = np.random.default_rng(0).normal(500, 20, 1000).astype(np.float32)
    loss = ScaledError([float(y.std())])
    assert float(loss(y, np.full((1000, 1), y.mean()))) == pytest.approx(1, rel=1e-4)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.units == loss.units


PARAMS = {"layers": 1, "units_1": 16, "activation": "relu", "batch_norm": False, "dropout": 0.0}


def test_numbers_are_learned_in_their_own_units_by_compiled_epochs() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).astype(np.float32)
    y = (5e6 + 1e6 * x[:, 0] - 5e5 * x[:, 1]).astype(np.float32)
    rows = np.arange(300)
    data = training_data(
        Dataset("tabular", x, y), rows[:200], rows[200:], task="regression", scale="standard",
        params={},
    )  # fmt: skip
    plan = TrainingPlan(
        20, "val_rmse", "minimize", early_stopping=EarlyStopping("val_r2", patience=20)
    )
    params = {**PARAMS, "learning_rate": 0.02, "batch_size": 20}
    result = train(MLP(data.shape), params, data.parts, plan, 7, lambda *_: True)
    assert result.path == "compiled epochs"
    assert result.metrics["val_r2"] > 0.95
    assert result.metrics["val_rmse"] < 0.25 * np.std(y)
    predicted = result.model.predict(x[200:], verbose=0)[:, 0]
    rmse = np.sqrt(np.mean((predicted - y[200:]) ** 2))
    assert rmse == pytest.approx(result.metrics["val_rmse"], rel=1e-3)


def test_weight_penalties_and_input_dropout_are_part_of_the_model() -> None:
    more = {"input_dropout": 0.2, "regularization": "l1", "penalty": 0.01}
    data = SHAPES["three classes"]
    model = MLP(data).build(hyperparameters({**PARAMS, **more}))
    drops = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert drops == [0.2, 0.0]
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    weights = np.abs(dense.kernel.numpy()).sum()
    assert float(sum(model.losses)) == pytest.approx(0.01 * weights, rel=1e-5)
