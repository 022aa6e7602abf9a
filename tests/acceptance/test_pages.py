"""What a person sees in a browser: MLflow with the trials in it, and a confusion matrix."""

from collections.abc import Callable
from typing import Any

import pytest

from kerasearch.service.client import Client
from kerasearch.service.jobs import Job
from kerasearch.service.launching import RunningService

REQUEST = {
    "name": "seen",
    "model": "mlp",
    "data": {"dataset": "digits"},
    "budget": {"trials": 2, "epochs": 2},
}


@pytest.fixture(scope="module")
def seen(client: Client, wait_for_end: Callable[..., Job], wait_until: Callable[..., Any]) -> Job:
    """A job whose trials are all in MLflow."""
    job_id = wait_for_end(client, client.submit(REQUEST).id).id
    wait_until(lambda: all(trial.run_id for trial in client.trials(job_id)))
    wait_until(lambda: client.job(job_id).mlflow_url)
    return client.job(job_id)


def test_mlflow_shows_the_trials(
    service: RunningService, seen: Job, open_page: Callable[..., Any]
) -> None:
    assert seen.mlflow_url is not None
    open_page(seen.mlflow_url, f"job {seen.id}", "kerasearch.job")
    open_page(seen.mlflow_trials_url, "trial 0", "trial 1")


def test_mlflow_shows_a_confusion_matrix(
    client: Client, seen: Job, open_page: Callable[..., Any]
) -> None:
    assert seen.mlflow_url is not None
    run_id = client.trial(seen.id, 0).run_id
    run = f"{seen.mlflow_url.split('/runs/')[0]}/runs/{run_id}"
    page = f"{run}/artifacts/confusion_matrix.png?workflowType=machine_learning"
    open_page(page, "confusion_matrix.json", picture='img[src^="blob:"]')


def test_the_first_page_leads_to_the_api_and_to_mlflow(
    service: RunningService, open_page: Callable[..., Any]
) -> None:
    page = open_page(f"{service.url}/", "Kerasearch")
    page.get_by_role("link", name="API").click()
    page.get_by_text("/v1/jobs/{job_id}/best/model").first.wait_for()
    page.go_back()
    page.get_by_role("link", name="MLflow").click()
    page.get_by_text("Experiments", exact=True).first.wait_for()
