from pathlib import Path

import numpy as np
import pytest

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets import Scaling
from kerasearch.models.plugins.family import PluginFamily
from kerasearch.models.plugins.recording import record
from kerasearch.models.plugins.training import train_plugin
from kerasearch.models.training import train
from kerasearch.service.errors import PluginUnusable
from kerasearch.service.files import sha256_of
from kerasearch.service.plugins import Plugins
from kerasearch.service.settings import Settings
from kerasearch.service.trial_models import family_of, training_of

DATA = DataShape((2,), 2, Scaling(np.zeros(2, np.float32), np.ones(2, np.float32)))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data", plugins_dir=tmp_path)
    path = tmp_path / "plain_net.py"
    path.write_text("import keras\ndef build(hp):\n    return keras.Sequential()\n")
    settings.recordings_dir.mkdir(parents=True)
    (file,) = Plugins.of(settings).files()
    recording = record(path, sha256_of(path), tmp_path / "data.npz")
    Plugins.of(settings).recording_path(file).write_text(recording.model_dump_json())
    return settings


def test_a_trial_trains_a_family_of_ours_or_a_plugins(settings: Settings) -> None:
    ours = family_of(settings, "mlp", DATA)
    theirs = family_of(settings, "plugin:plain_net:build", DATA)
    assert isinstance(theirs, PluginFamily)
    assert (training_of(ours), training_of(theirs)) == (train, train_plugin)


def test_a_trial_refuses_to_run_other_code_than_its_job_was_posted_for(
    settings: Settings, tmp_path: Path
) -> None:
    model, path = Plugins.of(settings).find_model("plugin:plain_net:build")
    path.write_text("raise SystemExit('other code')\n")
    with pytest.raises(PluginUnusable, match=r"^plain_net\.py has changed: it is version"):
        family_of(settings, model.exact_name, DATA)
    path.unlink()
    with pytest.raises(PluginUnusable, match=r"^no plugin 'plain_net'"):
        family_of(settings, model.exact_name, DATA)
