"""Where MLflow shows what the mirror put there; known without MLflow, since the API says it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from kerasearch.service.jobs import Objective


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


def trials_url(base_url: str, link: RunLink, objective: Objective) -> str:
    """The runs of one job's trials, the best on top."""
    return _page(
        base_url,
        link,
        searchFilter=f"tags.mlflow.parentRunId = '{link.run_id}'",
        orderByKey=f"metrics.`best_{objective.metric}`",
        orderByAsc="true" if objective.direction == "minimize" else "false",
    )


def _page(base_url: str, link: RunLink, run: str = "", **query: str) -> str:
    # Where nothing is said, a browser that is new to MLflow is shown traces of agents.
    said = urlencode({"workflowType": "machine_learning"} | query)
    return f"{base_url}/mlflow/#/experiments/{link.experiment_id}/runs{run}?{said}"
