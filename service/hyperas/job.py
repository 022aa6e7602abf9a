"""The job that runs an imported plugin."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO

from ruamel.yaml import YAML

from kerasearch.service.hyperas.fitting import Settings
from kerasearch.service.hyperas.minimize import Asked
from kerasearch.service.hyperas.objective import Metric
from kerasearch.service.hyperas.parameters import Parameter, space_entry

Document = dict[str, object]


@dataclass(frozen=True)
class Entry:
    """Where in the plugin the model is: `build`, or the name of a HyperModel."""

    module: str
    attribute: str


def job_of(
    entry: Entry,
    asked: Asked,
    settings: Settings,
    metric: Metric,
    parameters: Iterable[Parameter],
) -> Document:
    """The search that the script asked for."""
    space: Document = {p.name: space_entry(p) for p in parameters if p.in_space}
    if settings.batch_size is not None:
        space["batch_size"] = settings.batch_size
    budget = {"trials": asked.trials, "epochs": settings.epochs}
    search: Document = {"engine": "hyperopt", "sampler": asked.sampler}
    if asked.seed is not None:
        search["seed"] = asked.seed
    job: Document = {
        "name": entry.module,
        "model": f"plugin:{entry.module}:{entry.attribute}",
        "data": {"dataset": f"plugin:{entry.module}:data", "scale": "none"},
        "objective": {"metric": metric},
        "search": search,
        "budget": {name: value for name, value in budget.items() if value is not None},
        "training": {"early_stopping": None},
    }
    return {**job, "space": space} if space else job


def as_yaml(job: Document) -> str:
    stream = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.representer.add_representer(type(None), _null)
    yaml.dump(job, stream)
    return stream.getvalue()


def _null(representer: object, _: None) -> object:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")  # type: ignore[attr-defined]
