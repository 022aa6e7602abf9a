"""Plugins recorded in processes of their own, forked as trial processes are."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasearch.models.datasets import Dataset
from kerasearch.service.dataset_files import open_dataset
from kerasearch.service.jobs import DataRequest
from kerasearch.service.plugin_recorder import PluginRecorder
from kerasearch.service.plugins import READING, Plugins
from kerasearch.service.preloading import start_forkserver
from kerasearch.service.settings import Settings
from kerasearch.service.store.database import Database
from kerasearch.service.store.datasets import list_datasets
from kerasearch.service.testing import PATIENCE_S, new_database

NET = """
import keras

def build(hp):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(hp.Int("units", 2, 8))])

def data():
    return [[0.0, 1.0]] * 6, ["no", "yes"] * 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    start_forkserver()
    database = new_database(tmp_path / "data")
    yield database
    database.close()


def recorded(database: Database, folder: Path, limit_s: float = PATIENCE_S) -> Plugins:
    """Once every file has been recorded."""
    settings = Settings(data_dir=folder / "data", plugins_dir=folder, plugin_limit_s=limit_s)
    plugins = Plugins.of(settings)
    recorder = PluginRecorder(settings, database)
    deadline = time.monotonic() + PATIENCE_S
    while READING in dict(plugins.troubles()).values():
        assert time.monotonic() < deadline, "the plugins weren't recorded"
        recorder.advance()
        time.sleep(0.02)
    recorder.close()
    return plugins


def test_what_a_plugin_offers_is_recorded_and_its_data_kept_as_an_upload_is(
    database: Database, folder: Path
) -> None:
    (folder / "nets_of_two.py").write_text(NET)
    plugins = recorded(database, folder)
    assert [one.name for one in plugins.models()] == ["plugin:nets_of_two:build"]
    with database.read() as tx:
        (stored,) = list_datasets(tx)
    assert (stored.id, stored.name) == (
        plugins.find_data("plugin:nets_of_two:data"),
        "plugin:nets_of_two:data",
    )
    dataset: Dataset = open_dataset(
        database,
        Settings(data_dir=folder / "data"),
        stored.id,
        DataRequest(dataset=stored.name),
    )
    assert dataset.classes == ("no", "yes")


def test_a_changed_file_is_recorded_anew_and_jobs_keep_the_data_they_had(
    database: Database, folder: Path
) -> None:
    path = folder / "nets_of_two.py"
    path.write_text(NET)
    first = recorded(database, folder).find_data("plugin:nets_of_two:data")
    path.write_text(NET.replace("* 6", "* 8").replace("* 3", "* 4"))
    second = recorded(database, folder).find_data("plugin:nets_of_two:data")
    with database.read() as tx:
        names = {stored.id: stored.name for stored in list_datasets(tx)}
    assert names == {
        first: "plugin:nets_of_two:data",
        second: f"plugin:nets_of_two:data@{second[:12]}",
    }


def test_a_plugin_that_hangs_or_ends_its_process_is_disabled_and_the_others_are_read(
    database: Database, folder: Path
) -> None:
    (folder / "endless.py").write_text("while True:\n    pass\n")
    plugins = recorded(database, folder, limit_s=0.5)
    assert dict(plugins.troubles()) == {"plugin:endless": "it wasn't read within 0.5 s"}
    (folder / "endless.py").unlink()
    (folder / "exits.py").write_text("import os\nos._exit(3)\n")
    (folder / "nets_of_two.py").write_text(NET)
    plugins = recorded(database, folder)
    assert dict(plugins.troubles()) == {"plugin:exits": "it ended its process, with exit code 3"}
    assert [one.name for one in plugins.models()] == ["plugin:nets_of_two:build"]


def test_a_plugin_that_failed_is_read_again_by_the_next_service(
    database: Database, folder: Path
) -> None:
    (folder / "waiting.py").write_text(
        "from pathlib import Path\n"
        "(Path(__file__).parent / 'needed').read_text()\n"
        "def data():\n    return [[0.0], [1.0]] * 4, [0, 1] * 4\n"
    )
    failed = recorded(database, folder)
    assert "FileNotFoundError" in dict(failed.troubles())["plugin:waiting"]
    (folder / "needed").touch()
    assert dict(recorded(database, folder).troubles()) == {}
