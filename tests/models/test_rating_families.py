"""Families that fill in a matrix of ratings."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kerasearch.models import FAMILIES, load_family
from kerasearch.models.codes import encoder_of
from kerasearch.models.collaborative_autoencoder import DenoisingLoss
from kerasearch.models.datasets import Dataset, Split, load_builtin
from kerasearch.models.datasets.ratings import UNKNOWN
from kerasearch.models.evaluation import Evaluation, evaluate, predict
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.prediction import predictions
from kerasearch.models.rating_criteria import KnownError, KnownMeanError, KnownRootMeanSquare
from kerasearch.models.saving import save_model
from kerasearch.models.training import TrainedModel, train
from kerasearch.models.training_data import TrainingData, training_data
from kerasearch.searchspaces import InvalidInput, space_for
from kerasearch.searchspaces.parameters import Value

Triples = tuple[np.ndarray, np.ndarray, np.ndarray]

RANK = 10
PARAMS: dict[str, Value] = {
    "code": RANK,
    "activation": "tanh",
    "corruption": 0.3,
    "alpha": 1.0,
    "beta": 0.5,
    "l2": 1e-4,
    "learning_rate": 0.01,
    "batch_size": 32,
    "side": "item",
}


@cache
def ratings() -> tuple[Dataset, Split]:
    dataset = load_builtin("ratings")
    fractions = SimpleNamespace(validation=0.2, test=0.2, stratify=True, seed=0)
    return dataset, dataset.split(fractions)


def run(
    family: str, params: dict[str, Value], epochs: int
) -> tuple[TrainedModel, Evaluation, TrainingData]:
    """Trained on the train part, the best epoch by validation, judged by the test part."""
    dataset, split = ratings()
    data = training_data(
        dataset,
        split.train,
        split.validation,
        task="rating_prediction",
        scale=FAMILIES[family].scales[0],
        params=params,
    )
    plan = TrainingPlan(epochs, "val_rmse", "minimize", early_stopping=None)
    trained = train(load_family(family)(data.shape), params, data.parts, plan, 7, lambda *_: True)
    return trained, evaluate(trained.model, data.prepared.examples(split.test), data.shape), data


def triples() -> Triples:
    """User, item and stars of every rating."""
    matrix = ratings()[0].x.tocoo()
    return matrix.row.astype(int), matrix.col.astype(int), matrix.data.astype(float)


def rmse(predicted: np.ndarray, stars: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(predicted - stars))))


def means_of(whose: np.ndarray, stars: np.ndarray, count: int) -> np.ndarray:
    totals, counts = np.bincount(whose, stars, count), np.bincount(whose, minlength=count)
    return np.where(counts, totals / np.maximum(counts, 1), stars.mean())


def factorize(
    train: Triples, penalty: float, rank: int = RANK, sweeps: int = 20
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Biased matrix factorization by alternating least squares: Koren, Bell & Volinsky, 2009."""
    users, items, stars = train
    mean, rng = stars.mean(), np.random.default_rng(0)
    # Columns: factors, what is added for the user (times 1), for the item (times 1).
    p, q = rng.normal(0, 0.1, (400, rank + 2)), rng.normal(0, 0.1, (250, rank + 2))
    p[:, -2:], q[:, -2:] = (0, 1), (1, 0)
    for _ in range(sweeps):
        for ours, mine, theirs, other, one, fixed in (
            (p, users, q, items, -2, -1),
            (q, items, p, users, -1, -2),
        ):
            free = [*range(rank), rank + 2 + one]
            for row in range(len(ours)):
                told = np.flatnonzero(mine == row)
                a = theirs[other[told]]
                b = stars[told] - mean - a[:, fixed]
                gram = a[:, free].T @ a[:, free] + penalty * np.eye(rank + 1)
                ours[row, free] = np.linalg.solve(gram, a[:, free].T @ b)
    return lambda user, item: mean + (p[user] * q[item]).sum(axis=1)


@cache
def autoencoder(side: str) -> tuple[TrainedModel, Evaluation, TrainingData]:
    return run("collaborative_autoencoder", PARAMS | {"side": side}, 50)


@cache
def told_otherwise() -> tuple[float, float]:
    """RMSE of a factorization and of the best of all, users' and items' means, on the test part."""
    _, split = ratings()
    users, items, stars = triples()
    train = users[split.train], items[split.train], stars[split.train]
    asked, true = (users[split.test], items[split.test]), stars[split.test]
    # Its penalty may even be the best for the test part.
    factorized = min(rmse(factorize(train, penalty)(*asked), true) for penalty in (1.5, 2))
    means = (
        rmse(train[2].mean(), true),
        rmse(means_of(train[0], train[2], 400)[asked[0]], true),
        rmse(means_of(train[1], train[2], 250)[asked[1]], true),
    )
    return factorized, min(means)


@pytest.mark.parametrize("side", ["item", "user"])
def test_an_autoencoder_tells_ratings_as_well_as_a_factorization_of_its_rank(side: str) -> None:
    trained, judged, _ = autoencoder(side)
    factorized, mean = told_otherwise()
    assert judged.n == len(ratings()[1].test)
    assert judged.metrics["rmse"] < 1.05 * factorized < 0.7 * mean
    assert trained.metrics["val_rmse"] < 0.7 * mean


def test_a_machine_tells_held_out_ratings_better_than_means_do() -> None:
    params = {"hidden": 32, "gibbs_steps": 1, "learning_rate": 0.01, "batch_size": 16}
    trained, judged, _ = run("rbm", params | {"side": "item"}, 20)
    _, split = ratings()
    _, items, stars = triples()
    told = means_of(items[split.train], stars[split.train], 250)[items[split.test]]
    assert judged.metrics["rmse"] < rmse(told, stars[split.test])
    assert np.isfinite(trained.curves["val_free_energy"]).all()


def test_whose_rows_are_read_is_checked_before_anything_is_trained() -> None:
    defaults = FAMILIES["rbm"].space_of("ratings")
    with pytest.raises(InvalidInput, match="no side 'films'; known: item, user"):
        space_for("rbm", {"side": "films"}, defaults)
    with pytest.raises(InfeasibleError, match="side must be user or item, not 'films'"):
        run("rbm", {"hidden": 4, "gibbs_steps": 1, "side": "films"}, 1)


def test_what_is_unknown_changes_no_reconstruction() -> None:
    """A machine over the known columns alone gives the same for them."""
    trained, _, data = run("rbm", {"hidden": 4, "gibbs_steps": 1, "side": "user"}, 1)
    machine = next(layer for layer in trained.model.layers if hasattr(layer, "free_energy"))
    row = data.validation.x[:1]
    known = row[0] != UNKNOWN
    scaling = data.shape.scaling
    v = np.clip((row[0, known] - scaling.offset) / scaling.scale, 0, 1)
    kernel, c, b = (
        np.asarray(w) for w in (machine.kernel, machine.hidden_bias, machine.visible_bias)
    )
    hidden = 1 / (1 + np.exp(-(v @ kernel[known] + c)))
    again = 1 / (1 + np.exp(-(hidden @ kernel[known].T + b[known])))
    told = again * scaling.scale + scaling.offset
    np.testing.assert_allclose(predict(trained.model, row)[0, known], told, rtol=1e-4)


def test_only_known_ratings_count() -> None:
    true = np.array([[1, UNKNOWN, 3], [UNKNOWN, UNKNOWN, 5]], np.float32)
    told = np.array([[2, 9, 3], [7, 8, 1]], np.float32)
    assert float(KnownError(2.0)(true, told)) == pytest.approx((1 + 0 + 16) / 3 / 4)
    mae, root = KnownMeanError(), KnownRootMeanSquare()
    for row in range(2):  # of 2 known ratings, then of 1
        mae.update_state(true[row : row + 1], told[row : row + 1])
        root.update_state(true[row : row + 1], told[row : row + 1])
    assert float(mae.result()) == pytest.approx(5 / 3)
    assert float(root.result()) == pytest.approx(np.sqrt(17 / 3))


def test_hidden_ratings_weigh_alpha_and_the_others_beta() -> None:
    layer = DenoisingLoss(alpha=0.9, beta=0.2)
    known, kept = np.array([[1, 1, 0.0]]), np.array([[1, 0, 0.0]])
    ratings, told = np.array([[1, 2, 0.0]]), np.array([[3, 5, 7.0]])
    layer(told, ratings, known, kept, training=True)
    every = KnownError(1.0)(np.where(known, ratings, UNKNOWN), told)
    assert float(every + layer.losses[0]) == pytest.approx((0.2 * 4 + 0.9 * 9) / 2)
    layer(told, ratings, known, kept, training=False)
    assert layer.losses == []


def test_training_hides_ratings_and_prediction_none() -> None:
    trained, _, data = autoencoder("user")
    row = data.train.x[:1]
    one, other = (np.asarray(trained.model(row, training=True)) for _ in range(2))
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(predict(trained.model, row), predict(trained.model, row))


def test_a_saved_model_tells_the_ratings_that_a_file_leaves_empty(tmp_path: Path) -> None:
    trained, _, data = autoencoder("user")
    save_model(trained, data.shape, data.prepared.description, tmp_path / "m.keras")
    file = tmp_path / "asked.csv"
    lines = ["user,item,rating", "ann,7,5", "bob,0,", "ann,3,", "ann,249,0.5", "ann,new,2"]
    file.write_text("\n".join(lines))

    names, *told = predictions(tmp_path / "m.keras", file)

    row = np.full((1, 250), UNKNOWN, np.float32)
    nothing = predict(trained.model, row)
    row[0, [7, 249]] = 5, 0.5
    expected = [("bob", "0", nothing[0, 0]), ("ann", "3", predict(trained.model, row)[0, 3])]
    assert names == ["user", "item", "predicted"]
    assert [pair[:2] for pair in told] == [pair[:2] for pair in expected]
    assert [pair[2] for pair in told] == pytest.approx([pair[2] for pair in expected])
    head, (name, *code) = predictions(tmp_path / "m.keras", file, codes=True)
    assert (head, name) == (["user", *(f"code_{place}" for place in range(1, RANK + 1))], "ann")
    np.testing.assert_allclose([code], predict(encoder_of(trained.model), row), rtol=1e-4)
    file.write_text("user,item,rating\nann,tea,\n")
    with pytest.raises(ValueError, match=r"line 2: .*item 'tea'"):
        list(predictions(tmp_path / "m.keras", file))
