import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from kerasearch.models.autoencoder import Autoencoder
from kerasearch.models.datasets import DataChoice, Dataset, Schema, inspect_file, load_file
from kerasearch.models.datasets.padding import PADDING
from kerasearch.models.datasets.picture_folder import one_file
from kerasearch.models.evaluation import predict
from kerasearch.models.family import ModelFamily
from kerasearch.models.mlp import MLP
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.prediction import main, predictions
from kerasearch.models.saving import save_model
from kerasearch.models.tasks import TASKS, TaskName, direction_of
from kerasearch.models.training import train
from kerasearch.models.training_data import training_data
from kerasearch.searchspaces.parameters import Params
from kerasearch.searchspaces.problems import InvalidInput

PARAMS = {"layers": 1, "units_1": 4, "activation": "relu", "batch_norm": False, "dropout": 0.0}

PEOPLE = "name,age,town,paid,left\n" + "".join(
    f'p{i},{"" if i == 7 else 20 + i},{("Thun", "Bern", "Chur")[i % 3]},"1,{i:03}",{"yn"[i % 2]}\n'
    for i in range(30)
)


class Saved(NamedTuple):
    """A model in `path`, and what it said of the rows that it was trained on."""

    path: Path
    outputs: np.ndarray


def saved(
    dataset: Dataset,
    task: TaskName,
    folder: Path,
    family: type[ModelFamily] = MLP,
    params: Params = PARAMS,
) -> Saved:
    rows = np.arange(len(dataset))
    data = training_data(dataset, rows, rows, task=task, scale="standard", params={})
    metric = TASKS[task].objective
    plan = TrainingPlan(1, metric, direction_of(metric))
    result = train(family(data.shape), params, data.parts, plan, 7, lambda *_: True)
    save_model(result, data.shape, data.prepared.description, folder / "m.keras")
    return Saved(folder / "m.keras", predict(result.model, data.train.x))


def people(folder: Path, target: str, task: TaskName) -> Dataset:
    path = folder / "people.csv"
    path.write_text(PEOPLE)
    schema = Schema(target=target, columns={"name": {"type": "drop"}})
    info = inspect_file(path, path.name, None, schema)
    return load_file(path, info, DataChoice(task=task))


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("leaving")
    return saved(people(folder, "left", "classification"), "classification", folder)


def test_raw_rows_of_a_table_are_encoded_as_they_were_for_training(leaving: Saved) -> None:
    head, *lines = predictions(leaving.path, leaving.path.with_name("people.csv"))
    assert head == ["predicted", "p(n)", "p(y)"]
    assert [line[0] for line in lines] == ["ny"[place] for place in leaving.outputs.argmax(axis=1)]
    np.testing.assert_allclose([line[1:] for line in lines], leaving.outputs, rtol=1e-5)


def test_other_columns_orders_and_files_make_no_difference(tmp_path: Path, leaving: Saved) -> None:
    (tmp_path / "few.csv").write_text(
        "town;what;paid;age\nThun;1;1000;20\nBern;2;1,001;21\nChur;3;1002;22\n"
    )
    pq.write_table(
        pa.table(
            {"age": [20, 21, 22], "paid": [1000, 1001, 1002], "town": ["Thun", "Bern", "Chur"]}
        ),
        tmp_path / "few.parquet",
    )
    for name in ("few.csv", "few.parquet"):
        _, *lines = predictions(leaving.path, tmp_path / name)
        np.testing.assert_allclose([line[1:] for line in lines], leaving.outputs[:3], rtol=1e-5)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("age,paid\n1,2\n", "no column 'town'"),
        ("age,town,paid\n1,Bern,2\nold,Bern,2\n", "line 3: column 'age' must hold a number"),
    ],
)
def test_rows_that_the_model_cannot_take_are_refused(
    tmp_path: Path, leaving: Saved, content: str, sentence: str
) -> None:
    (tmp_path / "odd.csv").write_text(content)
    with pytest.raises(InvalidInput, match=sentence):
        list(predictions(leaving.path, tmp_path / "odd.csv"))


def test_numbers_are_predicted_in_their_units(tmp_path: Path) -> None:
    model = saved(people(tmp_path, "paid", "regression"), "regression", tmp_path)
    head, *lines = predictions(model.path, tmp_path / "people.csv")
    assert head == ["predicted"]
    np.testing.assert_allclose(lines, model.outputs, rtol=1e-5)
    assert 900 < np.mean(lines) < 1200


def test_codes_of_raw_rows_are_those_that_they_are_made_again_from(tmp_path: Path) -> None:
    dataset = people(tmp_path, "paid", "reconstruction")
    params = {"variant": "deep", "activation": "tanh", "layers": 1, "code": 2}
    model = saved(dataset, "reconstruction", tmp_path, Autoencoder, params)
    head, *codes = predictions(model.path, tmp_path / "people.csv", codes=True)
    assert head == ["code_1", "code_2"]
    loaded = keras.saving.load_model(model.path)
    told = np.array(codes)
    for layer in loaded.layers[loaded.layers.index(loaded.get_layer("codes")) + 1 :]:
        told = layer(told)
    np.testing.assert_allclose(told, model.outputs, rtol=1e-4, atol=1e-5)


def forecaster(tmp_path: Path, lines: list[str], schema: Schema | None = None) -> Path:
    """The file of a model of the series of these lines, which are in series.csv."""
    file = tmp_path / "series.csv"
    file.write_text("\n".join(lines))
    info = inspect_file(file, file.name, "series", schema or Schema())
    return saved(load_file(file, info, DataChoice()), "forecasting", tmp_path).path


def test_a_series_is_forecast_after_its_newest_step_which_stands_last(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    lines = [f"2020-{1 + i // 28:02}-{1 + i % 28:02},{np.sin(i)}" for i in range(100)]
    model = forecaster(tmp_path, ["day,value", *lines])
    head, (step, value) = predictions(model, file)
    assert (head, step) == (["step", "value"], 1)
    assert np.isfinite(value)
    file.write_text("\n".join(["day,value", *lines[::-1]]))
    with pytest.raises(InvalidInput, match="column 'day' counts down; sort them, oldest first"):
        list(predictions(model, file))


def test_a_series_with_a_gap_is_not_forecast(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    lines = ["a,b", *(f"{np.sin(i)},{np.cos(i)}" for i in range(100))]
    model = forecaster(tmp_path, lines)
    file.write_text("\n".join([*lines, "1,"]))
    with pytest.raises(InvalidInput, match="a row has no value in some column; fill it in"):
        list(predictions(model, file))


def test_dates_dropped_at_upload_tell_no_order(tmp_path: Path) -> None:
    lines = ["day,value", *[f"2020-01-{31 - i:02},{i}.5" for i in range(30)] * 3]
    model = forecaster(tmp_path, lines, Schema(drop=("day",)))
    head, _ = predictions(model, tmp_path / "series.csv")
    assert head == ["step", "value"]


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_sequences_may_end_early(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4, 1)).astype(np.float32)
    x[::2, 2:] = PADDING
    names = ("t0", "t1", "t2", "t3")
    dataset = Dataset("sequence", x, rng.integers(0, 2, 20), ("a", "b"), names)
    model = saved(dataset, "classification", tmp_path)
    file = tmp_path / f"rows{suffix}"
    if suffix == ".npz":
        np.savez(file, x=np.where(x == PADDING, np.nan, x))
    else:
        lines = [["" if v == PADDING else repr(float(v)) for v in row] for row in x[..., 0]]
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([names, *lines])
    _, *found = predictions(model.path, file)
    np.testing.assert_allclose([line[1:] for line in found], model.outputs, rtol=1e-5)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Tells grey pictures of 6 x 5; beside it they are as a folder, an archive and one file."""
    folder = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    for place in range(8):
        label = ("dark", "light")[place % 2]
        pixels = rng.integers(0, 100, (12, 10), np.uint8) + np.uint8(150 * (place % 2))
        (folder / "pictures" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "pictures" / label / f"{place}.png")
    with one_file(folder / "pictures") as archive:
        shutil.copy(archive, folder / "pictures.zip")
    info = inspect_file(folder / "pictures.zip", "pictures.zip", None, Schema(size=(6, 5)))
    dataset = load_file(folder / "pictures.zip", info, DataChoice())
    return saved(dataset, "classification", folder)


def test_pictures_are_read_as_at_upload_and_named(shapes: Saved) -> None:
    folder = shapes.path.parent
    head, *lines = predictions(shapes.path, folder / "pictures.zip")
    assert head == ["picture", "predicted", "p(dark)", "p(light)"]
    assert [line[0] for line in lines][:2] == ["dark/0.png", "dark/2.png"]
    np.testing.assert_allclose([line[2:] for line in lines], shapes.outputs, rtol=1e-5)
    assert list(predictions(shapes.path, folder / "pictures")) == [head, *lines]
    _, *flat = predictions(shapes.path, folder / "pictures" / "dark")
    assert [line[0] for line in flat] == ["0.png", "2.png", "4.png", "6.png"]
    _, one = predictions(shapes.path, folder / "pictures" / "dark" / "2.png")
    assert one[0] == "2.png"
    np.testing.assert_allclose([line[2:] for line in (*flat, one)], shapes.outputs[[0, 1, 2, 3, 1]])


def test_what_is_no_picture_is_refused_by_what_the_model_takes(
    tmp_path: Path, shapes: Saved, leaving: Saved
) -> None:
    table = leaving.path.with_name("people.csv")
    for model, file, sentence in (
        (
            shapes,
            table,
            "takes pictures, a folder or a zip of them, or an NPZ file with x of shape",
        ),
        (leaving, shapes.path.parent / "pictures", "the model takes tabular data"),
    ):
        with pytest.raises(InvalidInput, match=sentence):
            list(predictions(model.path, file))
    np.savez(tmp_path / "y.npz", y=np.ones(3))
    with pytest.raises(InvalidInput, match=r"y.npz holds no array x: save the rows as that"):
        list(predictions(shapes.path, tmp_path / "y.npz"))
    (tmp_path / "y.npz").rename(tmp_path / ".y.npz")  # as systems' own files are, left out
    (tmp_path / "a.png").symlink_to(shapes.path)
    with pytest.raises(InvalidInput, match=r"'a.png' is a link"):
        list(predictions(shapes.path, tmp_path))


def test_a_header_is_one_though_no_column_of_the_model_is_in_it(
    tmp_path: Path, leaving: Saved
) -> None:
    (tmp_path / "odd.csv").write_text("height\n1\n")
    with pytest.raises(InvalidInput, match="no column 'age'; known: height"):
        list(predictions(leaving.path, tmp_path / "odd.csv"))


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["predict", *map(str, arguments)])
    main()


def test_a_file_is_written_whole_or_left_as_it_is(
    tmp_path: Path,
    leaving: Saved,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows, few = tmp_path / "rows.csv", tmp_path / "few.csv"
    rows.write_text(PEOPLE)
    few.write_text("age,paid\n1,2\n")
    command(monkeypatch, leaving.path, rows, "-o", rows)
    written = rows.read_text()
    assert written.startswith("predicted,p(n),p(y)\n")
    assert written.count("\n") == 31
    for output in (["-o", rows], []):
        with pytest.raises(SystemExit, match="no column 'town'"):
            command(monkeypatch, leaving.path, few, *output)
    assert rows.read_text() == written
    assert sorted(tmp_path.iterdir()) == [few, rows]
    assert capsys.readouterr().out == ""


def test_a_model_of_another_origin_says_nothing_of_its_rows(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(InvalidInput, match="doesn't say which rows it takes"):
        list(predictions(tmp_path / "m.keras", tmp_path / "rows.csv"))
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(InvalidInput, match=r"rows.csv is no .keras file: File is not a zip file"):
        list(predictions(tmp_path / "rows.csv", tmp_path / "rows.csv"))


def test_the_command_writes_csv_and_says_what_is_wrong(leaving: Saved) -> None:
    kerasearch, table = (
        Path(sys.executable).with_name("kerasearch"),
        leaving.path.with_name("people.csv"),
    )
    for options, code in (([], 0), (["--codes"], 1)):
        command = [kerasearch, "predict", leaving.path, table, *options]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran.stderr
        if code:
            assert ran.stderr.startswith("the model makes no codes: ")
        else:
            assert ran.stdout.startswith("predicted,p(n),p(y)\n")
            assert ran.stdout.count("\n") == 31
