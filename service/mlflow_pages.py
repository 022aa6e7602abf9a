"""Where MLflow shows what the mirror put there; known without MLflow, since the API says it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from kerasearch.service.jobs import Objective

COLUMNS = 12
"""Of params in the table of trials: a screen takes no more."""


@dataclass(frozen=True)
class RunLink:
    """A run in MLflow, by MLflow's ids."""

    experiment_id: str
    run_id: str


def run_url(base_url: str, link: RunLink) -> str:
    """The run's own page."""
    return _page(base_url, link, f"/{link.run_id}")


def experiment_url(base_url: str, link: RunLink) -> str:
    """The runs of all jobs of the name, each job's trials folded away below it."""
    return _page(base_url, link)


def trials_url(base_url: str, link: RunLink) -> str:
    """The runs of one job's trials, as `trials_view` says."""
    return _page(base_url, link, viewStateShareKey=link.run_id)


def trials_view(link: RunLink, objective: Objective, params: Iterable[str]) -> tuple[str, str]:
    """Name and value of the experiment's tag by which MLflow keeps a view that is shared.

    This one: the runs of a job's trials, the best on top, with its metric and params as columns.
    """
    metric = f"metrics.`{mlflow_name(f'best_{objective.metric}')}`"
    shown = [f"params.`{mlflow_name(name)}`" for name in params]
    view = {
        "searchFilter": f"tags.mlflow.parentRunId = '{link.run_id}'",
        "orderByKey": metric,
        "orderByAsc": objective.direction == "minimize",
        "selectedColumns": [metric, *shown[:COLUMNS]],
    }
    return f"mlflow.sharedViewState.{link.run_id}", json.dumps(view)


@lru_cache(maxsize=1024)
def mlflow_name(name: str) -> str:
    """A metric's or param's name as MLflow takes it, to which it is a path."""
    parts = name.split("/")
    is_path = all(re.fullmatch(r"[\w .:-]*[\w :-][\w .:-]*", part) for part in parts)
    return name if is_path else re.sub(r"[^\w .:-]|^\.+$", "_", name)


def _page(base_url: str, link: RunLink, run: str = "", **query: str) -> str:
    # Where nothing is said, a browser that is new to MLflow is shown traces of agents.
    said = urlencode({"workflowType": "machine_learning"} | query)
    return f"{base_url}/mlflow/#/experiments/{link.experiment_id}/runs{run}?{said}"
