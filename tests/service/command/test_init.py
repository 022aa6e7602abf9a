from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.sparse import csr_matrix, save_npz
from typer.testing import CliRunner, Result

from kerasearch.models import FAMILIES
from kerasearch.models.datasets import Schema, inspect_file
from kerasearch.service.cli import app
from kerasearch.service.command.job_files import read_job_file
from kerasearch.service.jobs import JobRequest
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.submission import understand


def init(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


def understood(
    text: str, folder: Path, data: Path | None = None, kind: str | None = None
) -> JobRequest:
    """The job in a printed file, once as it is and once with its space in force."""
    info = None if data is None else inspect_file(data, data.name, kind, Schema())
    stored = None if data is None or info is None else StoredDataset("0", data.stem, "", info)
    with_space = text.replace("# space:", "space:").replace("\n#   ", "\n  ")
    for version in (with_space[with_space.index("model:") :], text):
        (folder / "job.yaml").write_text(version)
        request = JobRequest.model_validate(read_job_file(folder / "job.yaml"))
        meant, _ = understand(request, lambda _: stored, [])
    return meant


@pytest.mark.parametrize("family", FAMILIES)
def test_without_data_it_is_a_job_on_a_built_in_dataset(family: str, tmp_path: Path) -> None:
    done = init(family)
    assert done.exit_code == 0, done.output
    assert understood(done.stdout, tmp_path).model == family


def test_columns_over_time_are_a_series(tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "date,open,close\n" + "".join(f"2020-01-{d},{d},{d + 1}\n" for d in range(10, 31))
    )
    done = init("recurrent", "--data", prices)
    assert f"kerasearch datasets add {prices} --name prices --kind series" in done.stdout
    assert "target: open  # a guess; it could be close" in done.stdout
    assert "class_weight" not in done.stdout
    request = understood(done.stdout, tmp_path, prices, "series")
    assert (request.data.task, request.data.target) == ("forecasting", "open")


def test_the_last_column_of_a_table_is_guessed_to_be_the_target(tmp_path: Path) -> None:
    table = tmp_path / "my table.csv"
    table.write_text(
        "size,town,left\n" + "".join(f"{i},{'ab'[i % 2]},{i % 2}\n" for i in range(40))
    )
    done = init("mlp", "--data", table)
    assert "--name my-table --kind tabular" in done.stdout
    assert "dataset: my-table  # tabular" in done.stdout
    request = understood(done.stdout, tmp_path, table)
    assert (request.data.task, request.data.target) == ("classification", "left")


def test_a_sparse_matrix_is_ratings(tmp_path: Path) -> None:
    stars = tmp_path / "stars.npz"
    save_npz(stars, csr_matrix(np.arange(1.0, 17).reshape(4, 4)))
    for family in ("collaborative_autoencoder", "rbm"):
        done = init(family, "--data", stars)
        assert f"kerasearch datasets add {stars} --name stars --kind ratings" in done.stdout
        request = understood(done.stdout, tmp_path, stars)
        assert request.data.task == "rating_prediction"


def test_other_targets_and_what_else_two_classes_are_judged_by_are_said(tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    rows = [f"{i % 3},{i + 0.5},{i % 2}" for i in range(40)]
    table.write_text("\n".join(["rooms,balance,left", *rows]))
    done = init("mlp", "--data", table)
    assert "target: left  # a guess; it could be rooms, balance (regression)" in done.stdout
    assert "# val_accuracy, val_loss, val_auc, val_precision, val_recall, val_mae" in done.stdout
    assert "# class_weight: balanced, where a class is rare" in done.stdout


def test_a_file_is_written_once(tmp_path: Path) -> None:
    output = tmp_path / "job.yaml"
    assert init("mlp", "-o", output).stdout == f"{output}\n"
    written = output.read_text()
    assert written == init("mlp").stdout
    again = init("cnn", "-o", output)
    assert again.exit_code == 2
    assert "is there already: name another file" in again.stderr
    assert output.read_text() == written


def test_data_are_never_called_as_what_is_built_in(tmp_path: Path) -> None:
    table = tmp_path / "digits.csv"
    table.write_text("a,left\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    done = init("mlp", "--data", table)
    assert "--name my-digits" in done.stdout
    assert "dataset: my-digits" in done.stdout


def test_a_folder_of_pictures_is_data(tmp_path: Path) -> None:
    for place in range(4):
        folder = tmp_path / "pets" / ("cats", "dogs")[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (12, 12), place).save(folder / f"{place}.png")
    done = init("cnn", "--data", tmp_path / "pets")
    assert f"kerasearch datasets add {tmp_path / 'pets'} --name pets --kind image" in done.stdout
    (tmp_path / "pets" / "more").symlink_to(tmp_path)
    assert "'more' is a link" in init("cnn", "--data", tmp_path / "pets").stderr


def test_a_text_is_continued(tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    story.write_text("Once upon a time. " * 20)
    done = init("recurrent", "--data", story)
    assert understood(done.stdout, tmp_path, story, "text").data.task == "step_labelling"


def test_data_that_the_family_does_not_read_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    done = init("cnn", "--data", table)
    assert done.exit_code == 1
    assert "image data come as" in done.stderr


def test_an_unknown_family_is_bad_usage() -> None:
    done = init("recurent")
    assert done.exit_code == 2
    assert "did you mean 'recurrent'" in done.stderr
