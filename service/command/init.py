"""`kerasearch init`: a first job file for a family and a data file, with what can be said in it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from kerasearch.models import FamilyInfo
    from kerasearch.models.datasets import Kind
    from kerasearch.models.datasets.info import Column
    from kerasearch.models.tasks import TaskName

init_app = typer.Typer()

_NARROW = 12
"""A table of at most so many columns is more likely columns over time than a sequence a row."""


@init_app.command()
def init(
    family: Annotated[str, typer.Argument(help="A model family: recurrent, mlp ...")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, help="Your data, or a folder of pictures; else built in."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", dir_okay=False, help="A new file; else standard output."),
    ] = None,
) -> None:
    """Write a commented job file. Needs no server; nothing is uploaded."""
    from kerasearch.models import FAMILIES
    from kerasearch.searchspaces.problems import unknown
    from kerasearch.service.command.terminal import fail, refuse, sentences_about

    if family not in FAMILIES:
        refuse(unknown("model family", family, FAMILIES))
    with sentences_about(data):
        guess = _builtin(FAMILIES[family]) if data is None else _guess(FAMILIES[family], data)
    text = "\n".join(_lines(FAMILIES[family], guess)) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        refuse(f"{output} is there already: name another file, or remove it first")
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    typer.echo(output)


class _Guess(NamedTuple):
    """What a job's data seems to be.

    Attributes:
        dataset: What the job calls it.
        upload: The command that makes it known, where it is a file.
        others: Columns that may be the target, with the task where that is another one.
        classes: Of the target; 0 where it has none.
    """

    dataset: str
    kind: "Kind"
    task: "TaskName"
    upload: str | None = None
    target: str | None = None
    others: Sequence[str] = ()
    classes: int = 0


def _builtin(family: "FamilyInfo") -> _Guess:
    """The first built-in dataset that the family can be trained on."""
    from kerasearch.models.datasets import BUILTIN
    from kerasearch.models.tasks import OF_ROWS_ALONE
    from kerasearch.service.command.terminal import fail

    fitting = (
        _Guess(dataset.name, dataset.kind, task, classes=len(dataset.classes))
        for dataset in BUILTIN.values()
        for task in (*dataset.tasks, *OF_ROWS_ALONE)
        if dataset.kind in family.data_kinds and task in family.tasks
    )
    guess = next(fitting, None)
    if guess is None:
        fail(f"no built-in dataset is for {family.name}: give --data FILE")
    return guess


def _guess(family: "FamilyInfo", file: Path) -> _Guess:
    """The kind and target that fit the family; raises InvalidInput of a file that is no data."""
    from kerasearch.models.datasets import BUILTIN, Schema, inspect_file
    from kerasearch.models.datasets.columns import column_tasks
    from kerasearch.models.datasets.picture_folder import one_file
    from kerasearch.models.tasks import OF_ROWS_ALONE
    from kerasearch.service.command.terminal import fail

    kind = _kind(family, file)
    with one_file(file) as content:
        info = inspect_file(content, content.name, kind, Schema())
    usable = [column for column in info.columns or () if column.holds in ("number", "category")]
    tasks, target = info.tasks, info.target
    if target is None and usable:
        target, tasks = usable[-1].name, column_tasks(usable[-1])
    possible = [task for task in (*tasks, *OF_ROWS_ALONE) if task in family.tasks]
    if info.kind not in family.data_kinds or not possible:
        kinds, wanted = " or ".join(family.data_kinds), " or ".join(family.tasks)
        fail(f"{file}: {family.name} reads {kinds} data for {wanted}, this looks like {info.kind}")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", file.resolve().stem).strip("._-") or "data"
    name = f"my-{name}" if name in BUILTIN else name
    upload = f"kerasearch datasets add {_quoted(str(file))} --name {name} --kind {info.kind}"
    task, classes = possible[0], len(info.class_counts or ())
    rest = [column for column in usable if column.name != target]
    others = [column.name for column in rest]
    if info.target is None and usable:
        others = [*_other_targets(family, rest, task)]
        if task == "classification":
            classes = len(usable[-1].values or ())
    return _Guess(name, info.kind, task, upload, target if usable else None, others, classes)


def _other_targets(
    family: "FamilyInfo", columns: Iterable["Column"], guessed: "TaskName"
) -> Iterator[str]:
    from kerasearch.models.datasets.columns import column_tasks

    for column in columns:
        task = next((task for task in column_tasks(column) if task in family.tasks), None)
        if task is not None:
            yield column.name if task == guessed else f"{column.name} ({task})"


def _kind(family: "FamilyInfo", file: Path) -> "Kind | None":
    """Of a file whose ending fits several: by the family, and by the number of its columns."""
    from kerasearch.models.datasets import Schema, inspect_file

    kinds = family.data_kinds
    if file.suffix.lower() == ".txt" and "text" in kinds:
        return "text"
    if file.suffix.lower() not in (".csv", ".tsv", ".txt") or "tabular" in kinds:
        return None
    series: list[Kind] = [kind for kind in kinds if kind == "series"]
    others: list[Kind] = [kind for kind in kinds if kind not in ("series", "text")]
    if series:
        info = inspect_file(file, file.name, "series", Schema())
        if not others or len(info.columns or ()) <= _NARROW:
            return "series"
    return others[0]


def _lines(family: "FamilyInfo", guess: _Guess) -> Iterator[str]:
    from kerasearch.models.tasks import TASKS, direction_of

    metric = TASKS[guess.task].objective
    metrics = ", ".join(TASKS[guess.task].objectives(guess.classes))
    yield f"# {family.name}: {family.description}."
    if guess.upload:
        yield "# First the data, which no other job needs to send again:"
        yield f"#   {guess.upload}"
    yield "# Then this file: kerasearch submit THIS_FILE --watch"
    yield f"model: {family.name}"
    yield "data:"
    yield f"  dataset: {_flow(guess.dataset)}  # {guess.kind}"
    if guess.target is not None:
        also = f"; it could be {', '.join(guess.others[-5:])}" if guess.others else ""
        yield f"  target: {_flow(guess.target)}  # a guess{also}"
    yield f"  task: {guess.task}"
    if guess.kind == "series":
        yield "  horizon: 1  # steps ahead"
    if guess.target is not None:
        yield "  # drop: [COLUMN]  # columns that the model shall not see"
    order = ", in the order of time" if guess.kind in ("series", "text") else ""
    yield f"  split: {{validation: 0.2, test: 0.2}}  # the rest trains{order}"
    scale, *other_scales = family.scales
    yield f"  # scale: {scale}{'  # ' if other_scales else ''}{', '.join(other_scales)}"
    yield f"# What {family.name} searches. `space:` and lines below it replace that once they are"
    yield "# no comments; a plain value fixes a parameter: units: 50"
    yield "# space:"
    for name, parameter in family.space_of(guess.kind).parameters.items():
        said = {key: value for key, value in parameter.canonical().items() if value is not False}
        yield f"#   {name}: {_flow(said)}"
    yield f"objective: {{metric: {metric}, direction: {direction_of(metric)}}}  # {metrics}"
    yield "budget: {trials: 20, epochs: 50}  # time_s: 3600 ends it after an hour"
    weighed = guess.task == "classification"
    also = "  # class_weight: balanced, where a class is rare" if weighed else ""
    yield f"# training: {{early_stopping: {{patience: 10}}}}{also}"


def _flow(value: object) -> str:
    """A value in YAML, on one line."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return _quoted(value)
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _quoted(text: str) -> str:
    """As it is where that can't be taken for anything else."""
    plain = re.fullmatch(r"[A-Za-z_/][\w./-]*", text) and text not in ("true", "false", "null")
    return text if plain else "'" + text.replace("'", "''") + "'"
