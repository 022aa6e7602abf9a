import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kerasearch.service.cli import app

EPIDEMIC = Path(__file__).parents[3] / "examples" / "epidemic-lstm.yaml"
JOB = """
model: mlp
data: {dataset: digits}
space:
  layers: 1
  units_1: "{{choice([2**4, 2**5])}}"
  optimizer: "{{choice(['adam', 'sgd'])}}"
  sgd_lr: {type: float, low: 0.01, high: 1, when: {optimizer: [sgd]}, sets: learning_rate}
constraints: ["not (optimizer == 'sgd' and units_1 > 16)"]
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_space_shows_a_jobs_space_over_its_models_default() -> None:
    done = run("space", EPIDEMIC)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert "dense_units choice of 10, 20, 30, 100 second_layer is two" in lines
    assert any(line.startswith("optimizer choice of") for line in lines)
    assert any(line.startswith("infinitely many configurations in ") for line in lines)


def test_space_tells_size_and_samples_of_a_space_alone(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text('units = "{{choice([1, 2])}}"\nlayers = {type = "int", low = 1, high = 3}\n')
    told = json.loads(run("space", file, "--json").stdout)
    assert told["size"] == 6
    assert len(told["samples"]) == 10
    assert told["space"]["units"] == {"type": "choice", "values": [1, 2]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("units: {type: int, low: 5, high: 1}", "units.low: "),
        ("model: ltsm\ndata: {dataset: digits}", "model: no model family 'ltsm'"),
        ("model: mlp\ndata: {}\nspace: {unit_1: 3}", "space.unit_1: no parameter of mlp"),
        ("model: mlp\ndata: {}\nspace: [1]", "space: must map names to parameters"),
        ("model: mlp\ndata: {}\nconstraints: layers < 3", "constraints: must be a list of texts"),
        ("model: mlp\ndata: {}\nconstraints: [layer < 3]", "constraints[0]: no parameter"),
    ],
)
def test_space_points_at_what_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(text)
    done = run("space", file)
    assert done.exit_code in (1, 2)
    assert done.stderr.startswith(f"{file}: {sentence}")


def test_space_shows_what_sets_what_and_samples_that_keep_the_constraints(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    lines = [" ".join(line.split()) for line in run("space", file).stdout.splitlines()]
    assert "sgd_lr float from 0.01 to 1 optimizer is sgd learning_rate" in lines
    assert any("keep not (optimizer == 'sgd' and units_1 > 16), such as" in line for line in lines)
    told = json.loads(run("space", file, "--json").stdout)
    assert (told["size"], told["branches"]) == (None, 2 * 3 * 2 * 3 * 2 * 3)
    optimizers = {params["optimizer"] for params in told["samples"] if params["units_1"] == 32}
    assert optimizers == {"adam"}
    assert len(told["samples"]) == 10
