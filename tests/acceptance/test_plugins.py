"""A KerasTuner HyperModel and its data in the folder of a running service, searched over HTTP."""

import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import pytest

from kerasearch.service.answers import ServerError
from kerasearch.service.client import Client
from kerasearch.service.jobs import Job, JobState
from kerasearch.service.launching import RunningService

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins" / "digits_net.py"
SEARCHED = {"kind", "layers", "units_0", "units_1", "units_2", "filters", "dropout", "rate"}


@pytest.fixture(scope="module")
def plugin(client: Client, plugins_dir: Path, wait_until: Callable[..., object]) -> str:
    """The example's model, once the service has read it, beside a plugin that is broken."""
    shutil.copy(EXAMPLE, plugins_dir)
    (plugins_dir / "broken.py").write_text("def build(hp:\n")
    names = {"plugin:broken", "plugin:digits_net:DigitsNet"}
    wait_until(lambda: names <= {model.name for model in client.models()})
    return "plugin:digits_net:DigitsNet"


def job_of(plugin: str, engine: str) -> dict[str, object]:
    return {
        "name": f"plugin-{engine}",
        "model": plugin,
        "data": {"dataset": "plugin:digits_net:data"},
        "space": {"layers": {"type": "int", "low": 1, "high": 2}, "units_0": 32},
        "search": {"engine": engine, "sampler": "tpe", "seed": 3},
        "budget": {"trials": 2, "epochs": 2},
    }


@pytest.fixture(scope="module")
def searched(client: Client, plugin: str, wait_for_end: Callable[..., Job]) -> list[Job]:
    submitted = [client.submit(job_of(plugin, engine)) for engine in ("optuna", "hyperopt")]
    return [wait_for_end(client, job.id) for job in submitted]


def test_any_engine_searches_what_a_plugin_asks_for(client: Client, searched: list[Job]) -> None:
    for job in searched:
        assert job.state is JobState.COMPLETED, job.reason
        assert job.request.space.keys() == {*SEARCHED, "learning_rate", "batch_size"}
        assert job.best is not None
        assert 0 < job.best.metrics["val_accuracy"] < 1
        for trial in client.trials(job.id):
            dense = trial.params["kind"] == "dense"
            assert ("units_0" in trial.params, "filters" in trial.params) == (dense, not dense)


def test_the_best_model_of_a_plugin_loads_in_plain_keras(
    client: Client, searched: list[Job], tmp_path: Path
) -> None:
    client.download_best(searched[0].id, tmp_path / "best.keras")
    loaded = keras.saving.load_model(tmp_path / "best.keras", safe_mode=True)
    assert (loaded.input_shape, loaded.output_shape) == ((None, 8, 8, 1), (None, 10))


def test_a_broken_plugin_says_why_and_takes_no_job(
    client: Client, service: RunningService, plugin: str
) -> None:
    (broken,) = (model for model in client.models() if model.name == "plugin:broken")
    assert broken.error is not None
    assert broken.error.startswith("line 1: SyntaxError: '(' was never closed")
    with pytest.raises(ServerError, match="plugin:broken is disabled: line 1: SyntaxError"):
        client.submit(job_of("plugin:broken:build", "optuna"))


def test_a_job_never_runs_other_code_than_it_was_posted_for(
    client: Client,
    searched: list[Job],
    plugins_dir: Path,
    wait_until: Callable[..., object],
) -> None:
    with (plugins_dir / EXAMPLE.name).open("a") as file:
        file.write("raise SystemExit('other code')\n")
    started = client.retrain(searched[0].id, {"repeats": 1, "epochs": 1})
    wait_until(lambda: client.retraining(started.id).state != "running")
    ended = client.retraining(started.id)
    assert ended.state == "failed"
    assert "digits_net.py has changed" in str(ended.reason)
