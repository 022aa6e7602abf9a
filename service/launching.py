"""A service of one's own for as long as a block lasts: for the demo, benchmarks and tests."""

import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kerasearch.service.client import Client
from kerasearch.service.ports import free_port
from kerasearch.service.process import die_with_parent

POLL_S = 0.2
STOP_WITHIN_S = 15.0


class NotReady(Exception):  # noqa: N818 - it says what the service is
    """The service ended, or took too long to get ready; the message says where its log is."""


@dataclass(frozen=True)
class RunningService:
    url: str
    data_dir: Path
    log: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def running_service(
    data_dir: Path,
    *,
    workers: int = 0,
    plugins: Path | None = None,
    log: Path | None = None,
    ready_within_s: float = 180.0,
) -> Iterator[RunningService]:
    """`kerasearch serve` on a free port of loopback, ready; ended with the block, however it ends.

    Args:
        data_dir: Made if it isn't there.
        workers: Trials at once; 0 is one a core.
        plugins: Folder of models and data of one's own.
        log: What the service says; `service.log` in `data_dir` if not given.
        ready_within_s: How long it may take to start.

    Raises:
        NotReady: It didn't come up.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    log, port = log or data_dir / "service.log", free_port()
    command = [str(Path(sysconfig.get_path("scripts"), "kerasearch")), "serve", f"--port={port}"]
    options = [f"--data-dir={data_dir}", f"--workers={workers}"]
    if plugins is not None:
        options.append(f"--plugins={plugins}")
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, *options],
            stdout=file,
            stderr=file,
            process_group=0,  # Ctrl-C is for who started it, and then ends it
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    service = RunningService(f"http://127.0.0.1:{port}", data_dir, log, process)
    try:
        _wait_until_ready(service, ready_within_s)
        yield service
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(service: RunningService, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    with Client(service.url) as client:
        while not client.is_ready():
            if service.process.poll() is not None:
                raise NotReady(f"the service ended at its start; {service.log} says why")
            if time.monotonic() > deadline:
                raise NotReady(f"the service isn't ready after {within_s:g} s; see {service.log}")
            time.sleep(POLL_S)
