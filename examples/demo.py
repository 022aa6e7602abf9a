"""`make demo`: a search from end to end on this terminal, with a service of its own.

Everything is left in ./demo-output; the service is stopped whatever happens.
"""

import shutil
import signal
import sys
import time
from pathlib import Path

from kerasearch.service.answers import ClientError
from kerasearch.service.client import Client
from kerasearch.service.command.job_files import read_job_file
from kerasearch.service.command.retraining_progress import download_artifacts, wait_for_retraining
from kerasearch.service.command.retraining_tables import retraining_sheet
from kerasearch.service.command.tables import best_sheet
from kerasearch.service.command.terminal import say, stderr, stdout
from kerasearch.service.command.watching import watch
from kerasearch.service.jobs import Job
from kerasearch.service.launching import NotReady, running_service
from kerasearch.service.supervisor import held_by

JOB = Path(__file__).with_name("epidemic-lstm.yaml")
OUTPUT = Path("demo-output")
DATA, LOG, MODEL, RETRAINING = (
    OUTPUT / name for name in ("data", "service.log", "best.keras", "retraining")
)
RETRAINING_REQUEST = {"trial": "best", "repeats": 3, "epochs": 15, "patience": 5, "seed": 0}

LINK_S = 30


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    started_at = time.monotonic()
    try:
        clear_output()
        say("starting the service")
        with running_service(DATA, log=LOG) as service, Client(service.url) as client:
            demonstrate(client)
    except (ClientError, NotReady, OSError) as error:
        sys.exit(f"the demo failed: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped, and the service with it")
    say(
        f"all of it took {time.monotonic() - started_at:.0f} s; it lies in {OUTPUT}/",
        f"  {MODEL}  the best model: keras.saving.load_model('{MODEL}')",
        f"  {RETRAINING}/  report.json, class_error.csv, and each repeat's matrix, curves, model",
        f"  {DATA}/  jobs, trials and MLflow's runs; to browse them:",
        f"    kerasearch serve --data-dir {DATA}, then http://127.0.0.1:8000/mlflow/",
    )


def demonstrate(client: Client) -> None:
    job = client.submit(read_job_file(JOB))
    say(f"job {job.id} from {JOB.name}", f"MLflow  {client.base_url}/mlflow/")
    say(f"the job's trials in it  {mlflow_url(client, job)}\n")
    job = watch(client, job.id, stderr())
    if job.state != "completed":
        sys.exit(f"the job {job.state}: {job.reason}; {LOG} says more")
    say("\nbest trial")
    best = client.best(job.id)
    stdout().print(best_sheet(best, best.best_epoch))
    client.download_best(job.id, MODEL)
    say(f"\nits model is in {MODEL}; now its params anew, with 3 seeds and splits")
    retraining = client.retrain(job.id, RETRAINING_REQUEST)
    retraining = wait_for_retraining(client, retraining.id, stderr())
    download_artifacts(client, retraining, RETRAINING)
    if retraining.report is None:
        sys.exit(f"the retraining {retraining.state}: {retraining.reason}; {LOG} says more")
    stdout().print(retraining_sheet(retraining.report))


def clear_output() -> None:
    """Remove what an earlier demo left, unless it still runs or the folder isn't a demo's."""
    if (holder := held_by(DATA)) is not None:
        sys.exit(f"{DATA} is held by {holder}: wait for it, or stop it")
    ours = {DATA, LOG, MODEL, RETRAINING}
    if OUTPUT.exists() and (strangers := set(OUTPUT.iterdir()) - ours):
        sys.exit(f"{strangers.pop()} is not the demo's: move it away, so that nothing is lost")
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()


def mlflow_url(client: Client, job: Job) -> str:
    """The page of the job's trials in MLflow, which the mirror makes a moment after the job."""
    deadline = time.monotonic() + LINK_S
    while job.mlflow_trials_url is None and time.monotonic() < deadline:
        time.sleep(0.5)
        job = client.job(job.id)
    return job.mlflow_trials_url or "(not there yet; kerasearch show tells it)"


if __name__ == "__main__":
    main()
