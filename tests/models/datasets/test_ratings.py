import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_matrix, save_npz

from kerasearch.models.datasets import (
    DataChoice,
    Schema,
    export_csv,
    inspect_file,
    load_builtin,
    load_file,
    usable,
)
from kerasearch.models.datasets.ratings import UNKNOWN, Ratings
from kerasearch.searchspaces.problems import InvalidInput

NOTHING = DataChoice()
CSV = """user,item,rating
ann,tea,4.5
bob,tea,2
ann,milk,0
bob,rum,5
cid,rum,3
cid,milk,1
"""
MATRIX = [[4.5, 0, np.nan], [2, np.nan, 5], [np.nan, 1, 3]]  # ann, bob, cid by tea, milk, rum


def fractions(**changed: object) -> SimpleNamespace:
    return SimpleNamespace(
        **{"validation": 0.2, "test": 0.2, "stratify": True, "seed": 0} | changed
    )


def written(path: Path, content: str, name: str = "r.csv") -> Path:
    (file := path / name).write_text(content)
    return file


def read(file: Path, **schema: object) -> Ratings:
    info = inspect_file(file, file.name, "ratings", Schema(**schema))
    ratings = load_file(file, info, NOTHING)
    assert isinstance(ratings, Ratings)
    assert (info.rows, *info.shape) == ratings.x.shape
    return ratings


def dense(ratings: Ratings) -> np.ndarray:
    x = ratings.prepared(np.arange(ratings.x.nnz), "rating_prediction", {}).examples(
        np.arange(ratings.x.nnz)
    )
    return np.where(x.x[:] == UNKNOWN, np.nan, x.x[:])


def refusal(file: Path) -> str:
    with pytest.raises(InvalidInput) as error:
        inspect_file(file, file.name, "ratings", Schema())
    return str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        CSV.split("\n", 1)[1],
        CSV.replace("user,item,rating", "who,what,stars"),
        CSV.replace(",", ";"),
        re.sub(r"(.+),(.+),(.+)", r"\2,7,\3,\1", CSV)
        .replace("7", "when", 1)
        .replace("item", "item_id"),
    ],
)
def test_a_table_of_ratings_becomes_a_matrix_of_them(content: str, tmp_path: Path) -> None:
    ratings = read(written(tmp_path, content))
    assert (ratings.users, ratings.items) == (("ann", "bob", "cid"), ("tea", "milk", "rum"))
    np.testing.assert_array_equal(dense(ratings), MATRIX)


def test_a_sparse_matrix_becomes_the_same_and_zero_is_a_rating(tmp_path: Path) -> None:
    known = ~np.isnan(MATRIX)
    matrix = csr_matrix((np.asarray(MATRIX)[known], np.nonzero(known)), (3, 3))
    save_npz(tmp_path / "r.npz", matrix)
    ratings = read(tmp_path / "r.npz")
    np.testing.assert_array_equal(dense(ratings), MATRIX)
    assert ratings.x.nnz == 6


def test_what_is_exported_is_read_as_it_was(tmp_path: Path) -> None:
    builtin = load_builtin("ratings")
    export_csv(builtin, tmp_path / "r.csv")
    again = read(tmp_path / "r.csv")
    order = np.argsort([int(item) for item in again.items])
    assert (again.x[:, order] != builtin.x).nnz == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CSV + "ann,tea,3\n", r"line 8: 'ann' has rated 'tea' before; keep one"),
        (CSV + "ann,rum,good\n", r"line 8: 'good' is no rating; it must be a number"),
        (CSV + "ann,rum,\n", r"line 8: '' is no rating"),
        (CSV + "ann,rum,nan\n", r"line 8: 'nan' is no rating"),
        (CSV + ",rum,3\n", r"line 8 has no user"),
        (CSV + "ann,,3\n", r"line 8 has no item"),
        (CSV + "ann,rum\n", r"line 8 has 2 cells"),
        ("user,item\nann,tea\n", r"there are 2 columns"),
        ("user,time,item,rating,x\n1,2,3,4,5\n", r"3 of each"),
        ("userId,when,film,rating\n1,2,3,4\n", r"name the columns user, item and rating"),
        ("ann,tea,1\nbob,tea,2\n", r"2 users and 1 items are too few"),
        ("", r"the file is empty"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(content: str, says: str, tmp_path: Path) -> None:
    assert says in refusal(written(tmp_path, content))


def altered(**changed: object) -> dict[str, object]:
    matrix = csr_matrix(np.arange(1.0, 10).reshape(3, 3))
    arrays = {name: getattr(matrix, name) for name in ("data", "indices", "indptr", "shape")}
    return {**arrays, "format": b"csr"} | changed


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (altered(format=b"csc"), "it is no CSR matrix: save matrix.tocsr()"),
        (altered(format=np.zeros(3, "S3")), "it is no CSR matrix"),
        (altered(extra=1), "what scipy.sparse.save_npz writes"),
        (altered(shape=[3, 3, 3]), "two sides"),
        (altered(shape=[4, 3]), "indptr doesn't fit"),
        (altered(shape=[3, 2_000_000]), "too many"),
        (altered(shape=[-3, 3]), "too few"),
        (altered(indptr=[0, 5, 3, 9]), "lead out of the matrix"),
        (altered(indptr=[0, 3, 6, 12]), "indptr doesn't fit"),
        (altered(indices=[0, 1, 2, 0, 1, 2, 0, 1, 9]), "lead out of the matrix"),
        (altered(indices=[0, 1, 2, 0, 1, 2, 0, -1, 2]), "lead out of the matrix"),
        (altered(indices=[0, 1, 2, 0, 1, 2, 0, 1, 1]), "user 2 has rated item 1 twice"),
        (altered(indices=np.ones(9)), "whole numbers"),
        (altered(indptr=[0, 0, 3, 9], indices=[0, 1, 2] * 3), "user 0 has no rating"),
        (altered(shape=[3, 4]), "item 3 has no rating"),
        (altered(data=np.array([1.0] * 8 + [np.nan])), "NaN, infinite or too large"),
        (altered(data=np.ones(8)), "as long as each other"),
        (altered(data=np.ones(9, complex)), "real numbers"),
        (altered(data=np.array([None] * 9)), "never loaded"),
    ],
)
def test_a_bad_matrix_is_refused(arrays: dict[str, object], says: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", **arrays)
    assert says in refusal(tmp_path / "r.npz")


def test_a_schema_is_refused_but_for_the_header(tmp_path: Path) -> None:
    file = written(tmp_path, CSV)
    with pytest.raises(InvalidInput, match="take no schema but header"):
        read(file, target="rating")
    assert read(file, header=True).items == ("tea", "milk", "rum")


def test_users_with_one_rating_are_told_of(tmp_path: Path) -> None:
    info = inspect_file(written(tmp_path, CSV + "dan,tea,1\n"), "r.csv", "ratings", Schema())
    assert info.warnings == ("1 of 4 users rated one item only: they never validate",)


def test_ratings_are_for_nothing_but_prediction() -> None:
    from kerasearch.models.datasets import BUILTIN

    info = BUILTIN["ratings"].info
    asked = {"split": fractions(), "kinds": ["ratings"]}
    tasks = ("reconstruction", "rating_prediction")
    assert usable(info, NOTHING, tasks=tasks, **asked).task == "rating_prediction"
    with pytest.raises(InvalidInput, match="ratings are for rating_prediction"):
        usable(info, DataChoice(task="reconstruction"), tasks=tasks, **asked)


def test_each_rating_is_in_one_part_and_every_user_keeps_some_to_train_on() -> None:
    ratings = load_builtin("ratings")
    split = ratings.split(fractions())
    count = ratings.x.nnz
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(count))
    assert [len(part) for part in split] == [count - 2 * round(0.2 * count)] + [
        round(0.2 * count)
    ] * 2
    user_of = np.repeat(np.arange(400), np.diff(ratings.x.indptr))
    given = np.bincount(user_of)
    for part, share in zip(split, (0.6, 0.2, 0.2), strict=True):
        told = np.bincount(user_of[part], minlength=400)
        assert np.abs(told - share * given).max() < 2
    assert np.bincount(user_of[split.train]).min() > 0


def test_the_test_part_stays_whatever_the_rest_is_split_by() -> None:
    ratings = load_builtin("ratings")
    one, other = ratings.split(fractions()), ratings.split(fractions(validation=0.1))
    np.testing.assert_array_equal(one.test, other.test)
    pool = np.union1d(one.train, one.validation)
    (_, first), (_, again), (_, another) = (
        ratings.resplit(pool, fractions(), seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(np.intersect1d(first, another)) < 0.6 * len(first)
    assert not np.intersect1d(first, one.test).size


def test_where_users_have_too_few_ratings_any_are_drawn() -> None:
    ratings = Ratings.of(csr_matrix(np.eye(20)))
    assert [len(part) for part in ratings.split(fractions())] == [12, 4, 4]
    with pytest.raises(ValueError, match="ask for smaller parts"):
        ratings.resplit(np.arange(4), fractions(), 0)


def test_folds_hold_every_rating_out_once_but_one_of_each_user() -> None:
    ratings = load_builtin("ratings")
    pool = np.arange(0, ratings.x.nnz, 2)
    folds = ratings.folds(pool, fractions(), 3)
    held_out = np.concatenate([validation for _, validation in folds])
    assert len(np.unique(held_out)) == len(held_out) == len(pool) - 400
    for train, validation in folds:
        np.testing.assert_array_equal(np.union1d(train, validation), pool)


@pytest.mark.parametrize("side", ["user", "item"])
def test_a_row_holds_what_was_known_in_training_and_asks_for_what_was_held_out(side: str) -> None:
    ratings = load_builtin("ratings")
    split = ratings.split(fractions())
    prepared = ratings.prepared(split.train, "rating_prediction", {"side": side})
    test = prepared.examples(split.test)
    known, asked = test.x[:], test.y[:]
    assert known.shape == asked.shape == (len(test.x), 250 if side == "user" else 400)
    assert not ((known != UNKNOWN) & (asked != UNKNOWN)).any()
    assert ((asked != UNKNOWN).sum(axis=1) > 0).all()
    np.testing.assert_array_equal(
        np.sort(asked[asked != UNKNOWN]), np.sort(ratings.x.data[split.test])
    )
    np.testing.assert_array_equal(test.x[np.array([3, 1])], known[[3, 1]])
    train = prepared.examples(split.train)
    np.testing.assert_array_equal(train.x[:], train.y[:])


def test_a_matrix_that_would_not_fit_is_never_made_whole() -> None:
    rng = np.random.default_rng(0)
    places = np.unique(rng.integers(0, 300_000**2, 600_000))
    users, items = np.divmod(places, 300_000)
    ratings = Ratings.of(csr_matrix((np.ones(len(places)), (users, items)), (300_000,) * 2))
    split = ratings.split(fractions())
    prepared = ratings.prepared(split.train, "rating_prediction", {"side": "item"})
    examples = prepared.examples(split.validation)
    assert examples.x.shape[1] == 300_000  # as float32 360 GB
    assert (examples.y[:2] != UNKNOWN).sum() >= 2
