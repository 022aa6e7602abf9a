"""What the service makes of plugins by their recordings alone; nothing here runs one."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from kerasearch.models import FAMILIES
from kerasearch.models.datasets import BUILTIN
from kerasearch.models.plugins.recorded import PluginData, PluginModel, Recording
from kerasearch.searchspaces.problems import InvalidInput
from kerasearch.service.cli import app
from kerasearch.service.client import ModelEntry
from kerasearch.service.command.doctor import plugin_checks
from kerasearch.service.command.tables import models_table
from kerasearch.service.errors import Unavailable
from kerasearch.service.jobs import JobRequest
from kerasearch.service.plugins import Plugins
from kerasearch.service.routes.context import Context
from kerasearch.service.routes.models import model, models
from kerasearch.service.settings import Settings
from kerasearch.service.store.datasets import StoredDataset
from kerasearch.service.submission import understand
from kerasearch.service.testing import new_database

SPACE = {
    "kind": {"type": "choice", "values": ["a", "b"]},
    "units": {"type": "int", "low": 1, "high": 8, "when": {"kind": ["b"]}},
    "optimizer": {"type": "choice", "values": ["mine", "yours"]},
}
ROWS = BUILTIN["digits"].info


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", plugins_dir=tmp_path)


@pytest.fixture
def plugins(settings: Settings) -> Plugins:
    """Of three files: one that was recorded, one that failed, one that nobody has looked at."""
    found = Plugins.of(settings)
    for name in ("nets", "broken", "fresh"):
        assert settings.plugins_dir is not None
        (settings.plugins_dir / f"{name}.py").write_text(f"# {name}\n")
    settings.recordings_dir.mkdir(parents=True)
    for file in found.files():
        recording = Recording(module=file.module, sha256=file.sha256)
        if file.module == "nets":
            net = PluginModel(
                name="plugin:nets:Net",
                description="A net.",
                entry="Net",
                sha256=file.sha256,
                parameters=SPACE,
                hp_names={},
                hyperparameters=[],
                training=("batch_size", "epochs"),
                fit_options=("batch_size", "epochs", "verbose"),
            )
            data = PluginData(sha256="ab" * 32, info=ROWS)
            found_here = {"models": {"Net": net}, "data": data, "errors": {"Old": "it raises"}}
            recording = recording.model_copy(update=found_here)
        elif file.module == "broken":
            recording = recording.model_copy(update={"errors": {"": "line 1: SyntaxError"}})
        else:
            continue
        found.recording_path(file).write_text(recording.model_dump_json())
    return found


@pytest.fixture
def served(api: tuple[FastAPI, str], settings: Settings, plugins: Plugins) -> Iterator[str]:
    """Address of an API that has the plugins."""
    service, url = api
    database = new_database(settings.data_dir)
    service.state.context = Context(settings, database)
    yield url
    database.close()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_model_is_found_by_its_name_and_by_its_version(plugins: Plugins, tmp_path: Path) -> None:
    found, path = plugins.find_model("plugin:nets:Net")
    assert path == tmp_path / "nets.py"
    assert found.exact_name == f"plugin:nets:Net@{digest(path)[:12]}"
    assert plugins.find_model(found.exact_name) == (found, path)
    assert plugins.find_data("plugin:nets:data") == "ab" * 32


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plugin:../nets:Net", "a plugin is named plugin:MODULE:NAME"),
        ("plugin:/etc/passwd:Net", "a plugin is named plugin:MODULE:NAME"),
        ("plugin:nets.py:Net", "a plugin is named plugin:MODULE:NAME"),
        ("plugin:nets", "a plugin is named plugin:MODULE:NAME"),
        ("plugin:os:system", "no plugin 'os'; known: broken, fresh, nets"),
        ("plugin:nets:Nut", "no model of plugin nets 'Nut'; did you mean 'Net'?"),
        ("plugin:nets:__doc__", "no model of plugin nets '__doc__'"),
        ("plugin:nets:Old", "plugin:nets:Old is disabled: it raises"),
        ("plugin:broken:Net", "plugin:broken is disabled: line 1: SyntaxError"),
        ("plugin:nets:Net@000000000000", r"nets.py has changed: it is version \w{12} now, not 0"),
    ],
)
def test_no_other_name_leads_anywhere(plugins: Plugins, name: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        plugins.find_model(name)


def test_a_file_that_has_changed_is_read_anew_before_it_is_used(
    plugins: Plugins, tmp_path: Path
) -> None:
    (tmp_path / "nets.py").write_text("# other nets\n")
    with pytest.raises(Unavailable, match="plugin:nets: it is being read; try again"):
        plugins.find_model("plugin:nets:Net")


def test_a_service_without_a_folder_says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="kerasearch serve --plugins DIR"):
        Plugins.of(Settings(data_dir=tmp_path)).find_model("plugin:nets:Net")


def understood(plugins: Plugins, **parts: object) -> JobRequest:
    document = {"model": "plugin:nets:Net", "data": {"dataset": "plugin:nets:data"}, **parts}
    rows = StoredDataset("ab" * 32, "plugin:nets:data", "data.npz", ROWS)
    find = {rows.id: rows}.get
    request, dataset_id = understand(JobRequest.model_validate(document), find, [], plugins)
    assert dataset_id == "ab" * 32
    return request


def test_a_job_trains_the_version_that_was_recorded_on_rows_as_they_are(plugins: Plugins) -> None:
    request = understood(plugins)
    assert request.model == plugins.find_model("plugin:nets:Net")[0].exact_name
    assert request.name == "nets-Net-nets-data"
    assert request.data.scale == "none"
    assert request.space == SPACE | {"units": SPACE["units"] | {"log": False}}
    posted_again = request.model_dump(exclude={"name"}, exclude_defaults=True)
    assert understood(plugins, **posted_again) == request


def test_a_job_that_was_accepted_is_that_job_though_its_plugin_has_changed_since(
    plugins: Plugins, served: str, tmp_path: Path
) -> None:
    job = {"model": "plugin:nets:Net", "data": {"dataset": "digits"}}
    key = {"Idempotency-Key": "once"}
    with httpx.Client(base_url=served, trust_env=False, timeout=60) as http:
        accepted = http.post("/v1/jobs", json=job, headers=key)
        (tmp_path / "nets.py").write_text("# another version\n")
        again = http.post("/v1/jobs", json=job, headers=key)
        other = http.post("/v1/jobs", json={**job, "name": "other"}, headers=key)
        new = http.post("/v1/jobs", json=job)
    assert (accepted.status_code, again.status_code) == (202, 202)
    assert again.headers["location"] == accepted.headers["location"]
    assert (other.status_code, new.status_code) == (409, 503)


def test_scaling_is_a_jobs_to_ask_for(plugins: Plugins) -> None:
    data = {"dataset": "plugin:nets:data", "scale": "standard"}
    assert understood(plugins, data=data).data.scale == "standard"


def test_a_job_narrows_the_space_and_adds_what_training_reads(plugins: Plugins) -> None:
    space = understood(plugins, space={"kind": "b", "units": 4, "batch_size": 16}).space
    assert space["units"] == {"type": "choice", "values": [4], "when": {"kind": ["b"]}}
    assert "batch_size" in space


@pytest.mark.parametrize("name", ["learning_rate", "unit"])
def test_a_parameter_that_nobody_reads_is_refused(plugins: Plugins, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"/space/{name}: no parameter of plugin:nets:Net"):
        understood(plugins, space={name: 0.1})


def test_a_space_is_tried_over_a_plugins(
    plugins: Plugins, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "job.yaml"
    text = "model: plugin:nets:Net\ndata: {dataset: digits}\nspace: {optimizer: mine}\n"
    job.write_text(text + "constraints: [not (kind == 'b' and units > 4)]\n")
    monkeypatch.setenv("KERASEARCH_URL", served)
    told = json.loads(CliRunner().invoke(app, ["space", str(job), "--json"]).stdout)
    assert told["space"].keys() == SPACE.keys()
    assert told["space"]["optimizer"] == {"type": "choice", "values": ["mine"]}
    assert told["size"] == 1 + 8
    assert all(params.get("units", 0) <= 4 for params in told["samples"])


@pytest.mark.parametrize(
    ("model", "said", "sentence"),
    [
        ("plugin:nets:Met", "{}", "model: no model of plugin nets 'Met'; did you mean 'Net'?"),
        ("plugin:broken:Net", "{}", "model: plugin:broken is disabled: line 1: SyntaxError"),
        ("plugin:nets:Net", "{unit: 3}", "space.unit: no parameter of plugin:nets:Net 'unit'"),
    ],
)
def test_what_a_plugin_does_not_have_is_shown_in_the_file(
    plugins: Plugins,
    served: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    said: str,
    sentence: str,
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(f"model: {model}\ndata: {{dataset: digits}}\nspace: {said}\n")
    monkeypatch.setenv("KERASEARCH_URL", served)
    done = CliRunner().invoke(app, ["space", str(job)])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{job}: {sentence}")


def test_without_a_server_it_is_said_which_one_knows_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text("model: plugin:nets:Net\ndata: {dataset: digits}\n")
    monkeypatch.setenv("KERASEARCH_URL", "http://127.0.0.1:9")
    done = CliRunner().invoke(app, ["space", str(job)])
    assert done.exit_code == 1
    assert "no server at http://127.0.0.1:9: start one" in done.stderr
    assert "a server that has --plugins DIR" in done.stderr


def test_plugins_are_listed_behind_the_families_with_why_some_cannot_be_used(
    plugins: Plugins, settings: Settings
) -> None:
    context = Context(settings, new_database(settings.data_dir))
    listed = {one.name: one for one in models(context).items}
    assert [*listed] == [
        *FAMILIES,
        "plugin:nets:Net",
        "plugin:broken",
        "plugin:fresh",
        "plugin:nets:Old",
    ]
    net = listed["plugin:nets:Net"]
    assert (net.description, net.error) == ("A net.", None)
    told = {"batch_size", "epochs", "early_stopping", "mixed_precision", "xla", "class_weight"}
    assert net.training.keys() == told
    assert listed["plugin:broken"].error == "line 1: SyntaxError"
    assert listed["plugin:fresh"].error == "it is being read; try again in a few seconds"
    assert model("plugin:nets:Net", context) == net
    context.database.close()


def test_the_doctor_says_what_is_wrong_with_which_plugin(
    plugins: Plugins, settings: Settings, tmp_path: Path
) -> None:
    checks = [*plugin_checks(settings.data_dir, tmp_path)]
    assert [(check.state, check.found) for check in checks] == [
        ("fail", "plugin:broken: line 1: SyntaxError"),
        ("warn", "plugin:fresh has not been read yet"),
        ("fail", "plugin:nets:Old: it raises"),
        ("ok", "plugin:nets:Net"),
    ]
    (missing,) = plugin_checks(settings.data_dir, tmp_path / "nowhere")
    assert missing.state == "fail"


def test_the_table_of_models_says_why_one_is_disabled() -> None:
    table = models_table([ModelEntry(name="plugin:broken", error="line 1: SyntaxError")])
    assert [*table.columns[3].cells] == ["disabled: line 1: SyntaxError"]
