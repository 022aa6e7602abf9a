from pathlib import Path

import pytest

from kerasearch.models import FAMILIES
from kerasearch.models.datasets import BUILTIN
from kerasearch.searchspaces import space_for
from kerasearch.service.command.job_files import (
    SIZE_LIMIT,
    Document,
    JobFileError,
    override,
    path_in_file,
    read_job_file,
)
from kerasearch.service.jobs import JobRequest

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def read(folder: Path, text: str, name: str = "job.yaml") -> Document:
    path = folder / name
    path.write_text(text)
    return read_job_file(path)


def test_yaml_is_read_as_version_1_2(tmp_path: Path) -> None:
    text = "low: 1e-6\nhigh: 1.0e-1\nanswer: yes\nother: no\nnorway: NO\nlog: true\nnone: null"
    assert read(tmp_path, text) == {
        "low": 1e-6,
        "high": 0.1,
        "answer": "yes",
        "other": "no",
        "norway": "NO",
        "log": True,
        "none": None,
    }


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    meant = {"model": "mlp", "data": {"dataset": "digits", "drop": ["a"]}, "budget": {"trials": 3}}
    yaml = "model: mlp\ndata: {dataset: digits, drop: [a]}\nbudget:\n  trials: 3\n"
    json = '{"model": "mlp", "data": {"dataset": "digits", "drop": ["a"]}, "budget": {"trials": 3}}'
    toml = 'model = "mlp"\ndata = {dataset = "digits", drop = ["a"]}\n[budget]\ntrials = 3\n'
    assert read(tmp_path, yaml) == meant
    assert read(tmp_path, json, "job.json") == meant
    assert read(tmp_path, toml, "job.TOML") == meant


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("job.yaml", "a: [1\nb: 2", "line 2, column 2: expected ',' or ']'"),
        ("job.yaml", "a: 'x\n", "line 2, column 1: found unexpected end"),
        ("job.yaml", "a: 1\na: 2", "line 2, column 1: found duplicate key"),
        ("job.yaml", "a: !!python/object:os.system x", "line 1, column 4: could not determine"),
        ("job.yaml", "a: 1\n---\nb: 2", "line 2, column 1: but found another document"),
        ("job.yaml", "units: {{choice([1])}}", "a Hyperas string needs quotes"),
        ("job.yaml", "\0", "not YAML"),
        ("job.json", '{"a": 1,\n}', "line 2, column 1: "),
        ("job.toml", "a = 1\nb = = 2", "line 2, column 5"),
        ("job.yaml", "", "must hold a mapping"),
        ("job.json", "[1]", "must hold a mapping"),
        ("job.yaml", "data:\n  day: 2026-11-21", 'data.day: .*quote it as "2026-11-21"'),
        ("job.toml", "at = 10:00:00", 'at: .*quote it as "10:00:00"'),
        ("job.yaml", "space: {units: {when: {2: [1]}}}", 'space.units.when: .*quote it as "2"'),
        ("job.json", '{"low": NaN}', "low: must be a finite number, not nan"),
        ("job.yaml", "values: [1, .inf]", r"values\[1\]: must be a finite number, not inf"),
        ("job.yaml", "a: &a [*a]", "nested deeper than 40"),
        ("job.json", "[" * 100_000, "nested deeper than 40"),
        ("job.toml", "a = " + "[" * 3000 + "]" * 3000, "nested deeper than 40"),
        ("job.yaml", "a: " + "[" * 500, "nested deeper than 40"),
        ("job.ini", "a=1", "must end in one of .yaml"),
        ("job.yaml", "a: " + "x" * SIZE_LIMIT, "larger than 1,048,576 bytes"),
    ],
)
def test_what_can_not_be_read_is_said_with_its_place(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    with pytest.raises(JobFileError, match=sentence) as refused:
        read(tmp_path, text, name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ")


def test_a_few_lines_of_aliases_can_not_stand_for_a_billion_values(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(JobFileError, match="more than 100,000 values"):
        read(tmp_path, "\n".join(lines))


def test_an_alias_may_be_used(tmp_path: Path) -> None:
    assert read(tmp_path, "a: &units [1, 2]\nb: *units") == {"a": [1, 2], "b": [1, 2]}


def test_a_missing_file_and_bytes_that_are_no_text_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="No such file"):
        read_job_file(tmp_path / "none.yaml")
    (tmp_path / "job.yaml").write_bytes(b"a: \xff")
    with pytest.raises(JobFileError, match="not UTF-8 at byte 3"):
        read_job_file(tmp_path / "job.yaml")


def test_an_override_replaces_one_value_and_makes_the_parts_that_lead_there() -> None:
    document: Document = {"model": "mlp", "search": {"engine": "optuna", "seed": 1}}
    assert override(document, "search.seed=3") == {
        "model": "mlp",
        "search": {"engine": "optuna", "seed": 3},
    }
    assert override(document, "budget.time_s=1e2")["budget"] == {"time_s": 100.0}
    assert document["search"] == {"engine": "optuna", "seed": 1}


def test_an_override_may_be_a_hyperas_string_as_in_the_file() -> None:
    for text in ("{{choice([1, 2])}}", "'{{choice([1, 2])}}'"):
        changed = override({}, f"space.units={text}")
        assert changed == {"space": {"units": "{{choice([1, 2])}}"}}


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("search.seed", "must be like search.seed=3"),
        ("=3", "must be like"),
        ("search..seed=3", "must be like"),
        ("model.name=x", "model is 'mlp', which holds no name"),
        ("search.seed=[1", "line 1, column"),
        ("search.seed=.nan", "must be a finite number"),
    ],
)
def test_an_override_that_can_not_be_meant_is_refused(assignment: str, sentence: str) -> None:
    with pytest.raises(JobFileError, match=sentence):
        override({"model": "mlp"}, assignment)


def test_a_pointer_is_shown_as_people_write_a_place() -> None:
    assert path_in_file("/space/units/low") == "space.units.low"
    assert path_in_file("/data/drop/1") == "data.drop[1]"
    assert path_in_file("/space/a~1b~0c") == "space.a/b~c"
    assert path_in_file("") == ""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_job_of_the_family_that_it_names(path: Path) -> None:
    job = JobRequest.model_validate(read_job_file(path))
    assert job.name == path.stem
    dataset = BUILTIN.get(job.data.dataset)
    defaults = FAMILIES[job.model].space_of(dataset.kind if dataset else "tabular")
    assert space_for(job.model, job.space, defaults).parameters
