import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from ruamel.yaml import YAML

from kerasearch.models.data_shape import DataShape
from kerasearch.models.datasets.scaling import fit_scaling
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.plugins.family import PluginFamily
from kerasearch.models.plugins.recorded import PluginModel
from kerasearch.models.plugins.recording import record
from kerasearch.models.plugins.training import train_plugin
from kerasearch.models.training import TrainedModel
from kerasearch.searchspaces import SearchSpace, space_for
from kerasearch.searchspaces.parameters import Params
from kerasearch.service.hyperas import CannotImport, Imported, import_script
from kerasearch.service.hyperas.script import read_script
from kerasearch.service.jobs import JobRequest

SCRIPTS = Path(__file__).parent / "scripts"

WHEN = {
    "callbacks.py": {},
    "generators.py": {"factor": {"branch": ("falling",)}},
    "helpers_and_arguments.py": {"stddev": {"layer": ("gaussiannoise",)}},
    "inlined_data.py": {"learning_rate": {"optimizer": ("sgd",)}},
    "layers_between.py": {"layer": {"branch": ("four",)}},
    "nested_conditions.py": {
        "units_1": {"depth": (2, 3)},
        "branch": {"depth": (2, 3)},
        "dropout": {"depth": (2, 3), "branch": ("dropped",)},
        "units_2": {"depth": (3,)},
        "branch_1": {"depth": (1,)},
        "units_3": {"depth": (1,), "branch_1": (True,)},
        "learning_rate": {"kind": ("sgd",)},
        "momentum": {"kind": ("sgd",)},
        "learning_rate_1": {"kind": ("adam",)},
    },
    "notebook.ipynb": {},
    "tabs_and_optimizers.py": {
        "learning_rate": {"choiceval": ("adam",)},
        "learning_rate_1": {"choiceval": ("rmsprop",)},
        "learning_rate_2": {"choiceval": ("sgd",)},
        "momentum": {"choiceval": ("sgd",)},
    },
}
"""Each script, and the conditions of its parameters."""


def job_in(imported: Imported) -> JobRequest:
    return JobRequest.model_validate(YAML(typ="safe", pure=True).load(imported.job))


class Plugin:
    """An imported script, as the service would find and train it."""

    def __init__(self, imported: Imported, folder: Path) -> None:
        job = imported.write(folder)
        self.request = job_in(imported)
        self.path = job.with_suffix(".py")
        self.sha256 = hashlib.sha256(self.path.read_bytes()).hexdigest()
        npz = folder / "data.npz"
        recording = record(self.path, self.sha256, npz)
        assert recording.errors == {}
        self.model: PluginModel = recording.models[imported.entry.attribute]
        with np.load(npz) as rows:
            x, y = rows["x"], rows["y"]
        third = len(y) // 3
        self.parts = Parts(x[third:], y[third:], x[:third], y[:third])

    def space(self) -> SearchSpace:
        model = self.model
        return space_for(model.name, self.request.space, model.space, model.training)

    def train(self, params: Params) -> TrainedModel:
        parts, objective = self.parts, self.request.objective
        assert not isinstance(objective, list)
        scaling = fit_scaling(parts.x_train, "none", "tabular")
        data = DataShape(parts.x_train.shape[1:], int(parts.y_train.max()) + 1, scaling)
        family = PluginFamily.load(self.model, self.path, self.sha256, data)
        plan = TrainingPlan(1, "val_loss", "minimize", early_stopping=None)
        return train_plugin(family, params, parts, plan, 7, lambda *_: True)


# Old ImageDataGenerators don't call their super class; KerasTuner's serializing warns of protobuf.
@pytest.mark.filterwarnings("ignore:Your `PyDataset` class should call")
@pytest.mark.parametrize("script", WHEN)
def test_a_script_is_imported_without_running_and_its_plugin_trains_the_same_each_time(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    imported = import_script(SCRIPTS / script)
    assert [*tmp_path.iterdir()] == []
    plugin = Plugin(imported, tmp_path / "plugins")
    space = plugin.space()
    when = {name: dict(p.when) for name, p in space.parameters.items() if p.when}
    assert when == WHEN[script]
    params = space.sample(Random(3))
    first, again = plugin.train(params), plugin.train(params)
    assert math.isfinite(first.curves["val_loss"][-1])
    assert first.curves == again.curves
    assert not [*tmp_path.glob("ran*")]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("print 'hello'\n", "line 1: this isn't Python 3"),
        ("x = 1\n", "no call of hyperas's optim.minimize"),
        (
            "from hyperas import optim\noptim.minimize(model, data)\n",
            "line 2: model must be a func",
        ),
    ],
)
def test_what_no_plugin_can_be_made_of_is_refused_with_its_line(
    tmp_path: Path, source: str, sentence: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(source)
    with pytest.raises(CannotImport) as refused:
        import_script(script)
    assert sentence in str(refused.value)


def test_a_template_outside_of_the_model_function_is_refused(
    import_source: Callable[[str], Imported], tmp_path: Path
) -> None:
    source = (SCRIPTS / "layers_between.py").read_text()
    source = source.replace("classes = 3", "classes = {{choice([3, 4])}}")
    with pytest.raises(CannotImport, match="stands outside of create_model"):
        import_source(source)


def test_a_file_beside_the_script_and_a_call_at_the_top_are_told_of(
    import_source: Callable[[str], Imported], tmp_path: Path
) -> None:
    (tmp_path / "beside.py").touch()
    source = (SCRIPTS / "layers_between.py").read_text()
    source = source.replace("classes = 3", "import beside\nclasses = beside.count()")
    told = import_source(source).sentences()
    assert "line 13: import beside: a plugin is one file, and this is beside the script; " in (
        "\n".join(told)
    )
    assert any("line 14: this runs whenever the plugin is loaded" in note for note in told)


def test_what_is_defined_nowhere_is_told_of(import_source: Callable[[str], Imported]) -> None:
    source = (SCRIPTS / "layers_between.py").read_text().replace("classes = 3", "")
    told = import_source(source).sentences()
    assert any(note.startswith("line 20: classes is nowhere defined") for note in told)


def test_a_file_of_the_folder_is_never_written_over(tmp_path: Path) -> None:
    imported = import_script(SCRIPTS / "layers_between.py")
    imported.write(tmp_path)
    with pytest.raises(CannotImport, match="is there already; remove it, or give another folder"):
        imported.write(tmp_path)


def test_the_report_lists_each_parameter_and_each_change_by_its_line(tmp_path: Path) -> None:
    import_script(SCRIPTS / "layers_between.py").write(tmp_path)
    report = (tmp_path / "IMPORT_REPORT.md").read_text()
    assert "| dropout | line 33: `{{uniform(0, 1)}}` | always |" in report
    assert "| branch is four |" in report
    assert "- line 12: left out, for nothing needs it: open(" in report
    assert "- line 49: x_test chose the best here" in report


def test_a_notebooks_places_are_cells(tmp_path: Path) -> None:
    told = import_script(SCRIPTS / "notebook.ipynb").sentences()
    assert "cell 1, line 2: !pip install hyperas is left out: only notebooks know it" in told
    assert any(note.startswith("cell 5, line 8: ") for note in told)


def test_only_lines_that_begin_with_a_magic_are_left_out_of_a_notebook(tmp_path: Path) -> None:
    cell = """\
%matplotlib inline
print("accuracy %f"
      % 0.5)
print("accuracy %f"
      %share)
text = '''
%matplotlib inline
! no command
'''
if share:
    !ls (
    %%time share
"""
    cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)}]
    path = tmp_path / "wrapped.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    script = read_script(path)
    assert script.tree.code == (
        cell.replace("%matplotlib inline", "", 1)
        .replace("!ls (", "pass")
        .replace("%%time share", "pass")
    )
    assert [note.line for note in script.notes] == [1, 11, 12]


def test_the_job_is_the_search_that_the_script_asked_for() -> None:
    job = job_in(import_script(SCRIPTS / "tabs_and_optimizers.py"))
    assert job.model == "plugin:tabs_and_optimizers_search:build"
    assert job.data.dataset == "plugin:tabs_and_optimizers_search:data"
    assert (job.search.engine, job.search.sampler, job.search.seed) == ("hyperopt", "tpe", 3)
    assert (job.budget.trials, job.budget.epochs) == (4, 2)
    assert job.training.early_stopping is None
    samplers = {
        script: job_in(import_script(SCRIPTS / script)).search.sampler
        for script in ("helpers_and_arguments.py", "nested_conditions.py")
    }
    assert [*samplers.values()] == ["random", "anneal"]


def test_comments_tabs_and_aliases_are_kept() -> None:
    tabbed = import_script(SCRIPTS / "tabs_and_optimizers.py").code
    assert "# eight by eight pixels, bright on the left or on the right" in tabbed
    compile(tabbed, "tabbed", "exec")
    commented = import_script(SCRIPTS / "layers_between.py").code
    assert "# If 'four' is chosen, a fourth layer is added" in commented
    assert "# {{choice([1, 2])}} in a comment is none" in commented
    aliased = import_script(SCRIPTS / "helpers_and_arguments.py").code
    assert "import keras.layers as L\n" in aliased
    assert "def unused" not in aliased
    assert "LOG" not in aliased
