"""What trial processes are forked from, started first: its imports take longest of all."""

from multiprocessing import forkserver, get_context

WORKER = "kerasearch.service.worker"
MODULES = ["kerasearch.service.forkserver", WORKER]


def start_forkserver() -> None:
    """Have the forkserver import keras while its parent imports the rest."""
    get_context("forkserver").set_forkserver_preload(MODULES)
    forkserver.ensure_running()
