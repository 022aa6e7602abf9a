"""What every model family keeps to, parametrized over the registry."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import keras
import numpy as np
import pytest

from kerasearch.models import FAMILIES, load_family
from kerasearch.models.datasets import fit_scaling
from kerasearch.models.datasets.info import Kind
from kerasearch.models.evaluation import evaluate
from kerasearch.models.family import DataShape, ModelFamily, hyperparameters
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.training import TrainedModel, train
from kerasearch.searchspaces import SPACES, InvalidInput, SearchSpace, default_space
from kerasearch.searchspaces.space import Choice, Params
from kerasearch.searchspaces.training import TRAINING_PARAMETERS

SHAPES: dict[Kind, tuple[int, ...]] = {"tabular": (5,), "sequence": (9, 2), "image": (6, 6, 1)}
CLASSES = 3

each_family = pytest.mark.parametrize("name", FAMILIES)
each_kind = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, info in FAMILIES.items() for kind in info.data_kinds]
)


def make_parts(kind: Kind) -> Parts:
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, 90)
    x = rng.normal(y.reshape(-1, *[1] * len(SHAPES[kind])) * 20.0, 10.0, (90, *SHAPES[kind]))
    x = x.astype(np.float32)
    return Parts(x[:60], y[:60], x[60:], y[60:])


def make_family(name: str, kind: Kind) -> ModelFamily:
    scaling = fit_scaling(make_parts(kind).x_train, "standard", kind)
    return load_family(name)(DataShape(SHAPES[kind], CLASSES, scaling))


def samples_and_corners(space: SearchSpace) -> Iterator[Params]:
    rng = Random(0)
    for _ in range(10):
        yield space.sample(rng)
    for name, parameter in space.parameters.items():
        ends = parameter.values if isinstance(parameter, Choice) else parameter.bounds()
        for value in ends:
            yield SearchSpace.parse({name: value}, space).sample(rng)


def trained(name: str, kind: Kind, seed: int) -> TrainedModel:
    # One layer: what two take is tracing.
    space = default_space(name)
    small = {"layers": 1, "blocks": 1, "dropout": 0.3, "augmentation": True}
    own = {name: value for name, value in small.items() if name in space.parameters}
    params = SearchSpace.parse(own, space).sample(Random(1))
    plan = TrainingPlan(epochs=2)
    return train(make_family(name, kind), params, make_parts(kind), plan, seed, lambda *_: True)


class ReadRecorder(dict[str, object]):
    def __init__(self, values: Params) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.read.add(name)
        return super().__getitem__(name)


def test_families_are_listed_without_importing_keras() -> None:
    code = (
        "import sys, kerasearch.models;"
        "assert not {'keras', 'tensorflow', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_family_has_a_default_space_and_every_space_a_family() -> None:
    assert set(FAMILIES) == set(SPACES)


def test_an_unknown_family_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'recurrent'"):
        load_family("recurent")


@each_kind
def test_build_reads_every_active_parameter_and_no_other(name: str, kind: Kind) -> None:
    family = make_family(name, kind)
    for params in samples_and_corners(default_space(name)):
        hp = hyperparameters(params)
        hp.values = recorder = ReadRecorder(params)
        with keras.StatelessScope(initialize_variables=False):
            family.build(hp)
        assert recorder.read == set(params) - set(TRAINING_PARAMETERS)
    keras.utils.clear_session()


@each_kind
def test_a_model_takes_raw_rows_and_gives_class_probabilities(name: str, kind: Kind) -> None:
    model = make_family(name, kind).build(hyperparameters(default_space(name).sample(Random(2))))
    rows = make_parts(kind).x_validation
    probabilities = model.predict(rows, verbose=0)
    assert model.input_shape == (None, *SHAPES[kind])
    assert probabilities.shape == (len(rows), CLASSES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


LOAD_AND_JUDGE = """
import sys, keras, numpy as np
data = np.load(sys.argv[2])
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
accuracy = model.evaluate(data["x"], data["y"], verbose=0, return_dict=True)["accuracy"]
np.savez(sys.argv[3], accuracy=accuracy, probabilities=model.predict(data["x"], verbose=0))
"""


@each_family
def test_a_saved_model_does_the_same_in_plain_keras_in_another_process(
    name: str, tmp_path: Path
) -> None:
    kind = FAMILIES[name].data_kinds[-1]
    result, parts = trained(name, kind, seed=3), make_parts(kind)
    judged = evaluate(result.model, parts.x_validation, parts.y_validation, CLASSES)
    result.model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=parts.x_validation, y=parts.y_validation)

    files = [tmp_path / file for file in ("model.keras", "data.npz", "judged.npz")]
    subprocess.run([sys.executable, "-c", LOAD_AND_JUDGE, *files], check=True)

    other = np.load(tmp_path / "judged.npz")
    np.testing.assert_allclose(
        other["probabilities"], result.model.predict(parts.x_validation, verbose=0), rtol=1e-5
    )
    assert other["accuracy"] == pytest.approx(judged.accuracy, abs=1e-6)
    assert other["accuracy"] == pytest.approx(result.metrics["val_accuracy"], abs=1e-6)


@each_family
def test_the_same_seed_gives_the_same_model_and_another_seed_another(name: str) -> None:
    kind = FAMILIES[name].data_kinds[0]
    first, again, other = (trained(name, kind, seed) for seed in (5, 5, 6))
    assert first.curves == again.curves != other.curves
    for weight, same in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
    assert first.summary == again.summary
