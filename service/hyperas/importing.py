"""A Hyperas script made a plugin, with the job that runs it and a report of what changed."""

import re
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from kerasearch.service.files import write_text
from kerasearch.service.hyperas.assembling import assemble
from kerasearch.service.hyperas.checkpoints import checkpoint_files
from kerasearch.service.hyperas.data_function import Rows, find_rows, read_returns
from kerasearch.service.hyperas.fitting import read_fit
from kerasearch.service.hyperas.guards import conditioned, movable, sunk
from kerasearch.service.hyperas.job import Entry, as_yaml, job_of
from kerasearch.service.hyperas.minimize import find_minimize
from kerasearch.service.hyperas.modernizing import Modernizer
from kerasearch.service.hyperas.names_in_scope import Imports, imports_of
from kerasearch.service.hyperas.notes import CannotImport, Note
from kerasearch.service.hyperas.objective import find_objective
from kerasearch.service.hyperas.parameters import Parameter, make_parameter
from kerasearch.service.hyperas.plugin import write_module
from kerasearch.service.hyperas.script import Script, read_script
from kerasearch.service.hyperas.slicing import Sliced, slice_model
from kerasearch.service.hyperas.syntax import Statement, body_of, calls, dotted
from kerasearch.service.hyperas.templates import call_in, read_templates, templates_in

REPORT = "IMPORT_REPORT.md"


@dataclass(frozen=True)
class Imported:
    """What was made of a script.

    Attributes:
        entry: What the job calls its model.
        code: Of the plugin's module.
        job: YAML.
        notes: What to look at, by line.
    """

    script: Script
    entry: Entry
    parameters: tuple[Parameter, ...]
    code: str
    job: str
    notes: tuple[Note, ...]

    def sentences(self) -> list[str]:
        """The notes, each with its place."""
        return [
            f"{self.script.place(note.line)}: {note.text}"
            + (f"; {note.advice}" if note.advice else "")
            for note in self.notes
        ]

    def write(self, folder: Path) -> Path:
        """Write plugin, job and report; the job's file is returned.

        Raises:
            CannotImport: One is there already, for it may hold somebody's own changes.
        """
        plugin, job = (folder / f"{self.entry.module}.{kind}" for kind in ("py", "yaml"))
        for file in (plugin, job):
            if file.exists():
                raise CannotImport(f"{file} is there already; remove it, or give another folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_text(plugin, self.code)
        write_text(job, self.job)
        write_text(folder / REPORT, report(self))
        return job


def report(imported: Imported) -> str:
    """What was made, and what to look at, in Markdown."""
    entry, script = imported.entry, imported.script
    lines = [
        f"# Import of {script.path.name}",
        "",
        f"Plugin `{entry.module}.py`, model `plugin:{entry.module}:{entry.attribute}`, job "
        f"`{entry.module}.yaml`. Nothing of the script was run.",
        "",
        "| parameter | in the script | active when |",
        "|---|---|---|",
        *(_row(script, parameter) for parameter in imported.parameters),
        "",
        "## To look at",
        "",
        *(f"- {sentence}" for sentence in imported.sentences()),
    ]
    return "\n".join(lines) + "\n"


def _row(script: Script, parameter: Parameter) -> str:
    template = parameter.template
    code = " ".join(script.code(template.node).split()).replace("|", "\\|")
    when = " and ".join(
        f"{parent} is {' or '.join(map(str, values))}" for parent, values in parameter.conditions
    )
    return f"| {parameter.name} | {script.place(template.line)}: `{code}` | {when or 'always'} |"


def import_script(path: Path) -> Imported:
    """Read a script or notebook, without running any of it.

    Raises:
        CannotImport: Nothing can be made of it.
    """
    script = read_script(path)
    notes = [*script.notes]
    imports = imports_of(script.tree)
    asked = find_minimize(script, imports, notes)
    statements, parameters = _tuned(script, imports, asked.model, notes)
    sliced = slice_model(script, imports, asked.model, statements, notes)
    returned = read_returns(script, asked)
    rows = find_rows(script, asked, returned, sliced.fits)
    fit = read_fit(script, sliced, rows, parameters, notes)
    metric = find_objective(script, asked.model, statements, notes)
    _tell_of_rows(script, asked.model, sliced, rows, notes)
    assembled = assemble(script, asked, sliced, returned, rows, fit, parameters)
    files = checkpoint_files(script.tree, imports)
    docstring = f"Imported from {path.name}, a script for Hyperas, by kerasearch import-hyperas."
    modernizer = Modernizer(imports, files, lambda _: 0)
    code, kept = write_module(script, docstring, assembled, asked, modernizer, notes)
    kept += [asked.data, *sliced.building, *sliced.training]
    notes += _notes_on_keras(script, imports, files, kept)
    for left in templates_in(cst.parse_module(code)):
        call = call_in(left)
        what = cst.Module([]).code_for_node(call or left)
        raise CannotImport(
            f"{path}: {{{{{what}}}}} stands outside of {asked.model.name.value}, where Hyperas "
            "never filled it in; move it into that function"
        )
    entry = Entry(_module_name(path), assembled.entry)
    used = [
        parameters[template]
        for statement in (*sliced.building, *sliced.training)
        for template in templates_in(statement)
    ]
    job = job_of(entry, asked, fit.settings, metric, used)
    found = tuple(sorted({*notes}))
    return Imported(script, entry, tuple(used), code, as_yaml(job), found)


def _tuned(
    script: Script, imports: Imports, function: cst.FunctionDef, notes: list[Note]
) -> tuple[list[Statement], dict[cst.Set, Parameter]]:
    """The model function's statements and parameters, each with its conditions."""
    templates = read_templates(script, imports, function)
    if not templates:
        raise CannotImport(
            f"{script.path}: {script.place(script.line(function))}: nothing to search: "
            f"{function.name.value} holds no template such as {{{{choice([64, 128])}}}}"
        )
    parameters = {t.node: make_parameter(script, t, notes) for t in templates}
    body = body_of(function)
    once = movable(script, function, body)
    variables = {t.variable: parameters[t.node] for t in templates if t.variable in once}
    statements = sunk(body, once)
    return statements, conditioned(statements, parameters, variables)


def _tell_of_rows(
    script: Script, function: cst.FunctionDef, sliced: Sliced, rows: Rows, notes: list[Note]
) -> None:
    """What the script judged by, and what the search does."""
    line = script.line(sliced.fits[0]) if sliced.fits else script.line(function)
    text = "rows are put together, and the job's data.split takes validation and test rows anew"
    notes.append(Note(line, text))
    if rows.validation is not None and rows.test is None and "test" in rows.validation[0].lower():
        text = f"{rows.validation[0]} chose the best here; test rows now stay sealed in the search"
        notes.append(Note(line, text))
    for statement in sliced.after:
        names = {dotted(call.func).rpartition(".")[2] for call in calls(statement)}
        if names - {"evaluate", "evaluate_generator", "print", "format", "str", "max", "amax"}:
            text = (
                f"left out, for it comes after training: {script.code(statement).splitlines()[0]}"
            )
            notes.append(Note(script.line(statement), text))


def _notes_on_keras(
    script: Script, imports: Imports, files: dict[str, str], kept: list[Statement]
) -> list[Note]:
    """What the way to Keras 3 has to tell of those lines that are kept."""
    reader = Modernizer(imports, files, script.line)
    script.tree.visit(reader)
    lines = [range(script.line(s), script.end(s) + 1) for s in kept]
    return [note for note in reader.notes if any(note.line in range_ for range_ in lines)]


def _module_name(path: Path) -> str:
    """Another name than the script's own, which Python may find first where a server runs."""
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII).strip("_") or "hyperas"
    return f"n{name}_search" if name[0].isdigit() else f"{name}_search"
