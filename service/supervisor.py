"""`kerasearch serve`: starts the parts of the service, restarts any that dies, ends them all."""

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from socket import gethostname

from kerasearch.service import mlflow_server
from kerasearch.service.errors import CannotServe, Unavailable
from kerasearch.service.ports import answers, free_port, require_free
from kerasearch.service.process import die_with_parent, log_to_stderr, pulse, stop_on_sigterm
from kerasearch.service.settings import Settings
from kerasearch.service.splitting import best_split
from kerasearch.service.store.database import Database
from kerasearch.service.store.database_lock import DatabaseLock

log = logging.getLogger(__name__)

POLL_S = 0.1
GRACE_S = 10.0
"""After SIGTERM, before SIGKILL."""

LONGEST_PAUSE_S = 10.0
"""Between restarts of a part that keeps dying."""

LOCK_S = 2.0
"""Between looks whether PostgreSQL still knows that we serve its database."""

API_START_S = 5.0
"""MLflow, which needs the processor for longer, waits this long for the API at most."""

SCHEDULER_START_S = 30.0
"""The mirror waits this long for the scheduler at most."""


@dataclass
class Part:
    """A child process that should always run."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    pause_s: float = field(default=POLL_S)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C in a terminal is for the supervisor alone
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
        self.started_at = time.monotonic()

    def keep_alive(self) -> None:
        """Start it again when it has died; later and later when it dies at once."""
        if self.process is None or self.process.poll() is None:
            return
        lived_s = time.monotonic() - self.started_at
        if lived_s < self.pause_s:
            return
        log.warning("%s ended with %s; starting it again", self.name, self.process.returncode)
        self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S) if lived_s < 30 else POLL_S
        self.start()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then leave no process behind.

    Raises:
        CannotServe: The address, the port or a folder can't be had.
    """
    log_to_stderr("serve")
    require_loopback(settings.host)
    if settings.plugins_dir is not None and not settings.plugins_dir.is_dir():
        raise CannotServe(f"there is no folder {settings.plugins_dir}; give another --plugins")
    if not settings.data_dir.exists():  # nothing is left of a start that is refused
        require_free(settings.host, settings.port)
    try:
        settings.run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotServe(
            f"{error.filename} can't be made ({error.strerror}); give another --data-dir"
        ) from None
    with data_dir_lock(settings):
        require_free(settings.host, settings.port)
        if not settings.mlflow_port:
            settings = settings.model_copy(update={"mlflow_port": free_port()})
        if settings.workers == "auto":
            workers = best_split(settings.data_dir).workers
            settings = settings.model_copy(update={"workers": workers})
        for sign_of_life in settings.run_dir.glob("*.json"):
            sign_of_life.unlink()
        try:
            lock = database_lock(settings)
            database = Database(settings.database_url)
            database.migrate()
        except Unavailable as error:
            raise CannotServe(f"{error}; mend that and start again") from None
        database.close()
        _supervise(settings, lock)


def database_lock(settings: Settings, doing: str | None = None) -> DatabaseLock | None:
    """Hold a PostgreSQL database; SQLite's lies in the data folder, which is held already.

    Raises:
        CannotServe: Another service holds it.
        Unavailable: It can't be reached.
    """
    if settings.database_url.startswith("sqlite"):
        return None
    holder = f"process {os.getpid()} on {gethostname()}, which {doing or _serving(settings)}"
    lock = DatabaseLock(settings.database_url, holder)
    lock.keep()
    return lock


def _supervise(settings: Settings, lock: DatabaseLock | None) -> None:
    stop = stop_on_sigterm()
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # else each trial process introduces its TensorFlow
    ours = quiet | os.environ | settings.to_environment()
    parts = [
        Part(role, [sys.executable, "-m", "kerasearch.service", role], ours)
        for role in ("api", "scheduler", "mirror")
    ]
    parts.append(
        Part(
            "mlflow",
            mlflow_server.command(settings.mlflow_port),
            mlflow_server.environment(settings.data_dir, [f"{settings.host}:{settings.port}"]),
        )
    )
    api, scheduler, mirror, mlflow = parts
    try:
        api.start()
        scheduler.start()
        _wait_for_port(settings, stop)
        mlflow.start()
        log.info("http://%s:%d serves %s", settings.host, settings.port, settings.data_dir)
        locked_at = time.monotonic()
        while not stop.wait(POLL_S):
            if mirror.process is None and _searches(settings, scheduler):
                mirror.start()
            for part in parts:
                part.keep_alive()
            if lock is not None and time.monotonic() - locked_at > LOCK_S:
                with suppress(Unavailable):  # as every part finds out by itself
                    lock.keep()
                locked_at = time.monotonic()
    finally:
        log.info("stopping")
        _end([part.process for part in parts if part.process is not None])


def _searches(settings: Settings, scheduler: Part) -> bool:
    """Whether trials run by now, or should long since: what shows them can wait for that."""
    sign = pulse(settings.run_dir, scheduler.name)
    runs = sign is not None and sign.state == "ready"
    return runs or time.monotonic() - scheduler.started_at > SCHEDULER_START_S


def _end(processes: "list[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_S
    for process in processes:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_port(settings: Settings, stop: threading.Event) -> None:
    deadline = time.monotonic() + API_START_S
    while time.monotonic() < deadline and not answers(settings.host, settings.port):
        if stop.wait(POLL_S / 5):
            return


@contextmanager
def data_dir_lock(settings: Settings, doing: str | None = None) -> Iterator[None]:
    """Hold the data folder, so that no second service writes to it.

    Args:
        settings: Of the service.
        doing: What others are told that this process does; that it serves, unless something else.

    Raises:
        CannotServe: Another service holds it.
    """
    path = settings.data_dir / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotServe(
                f"{settings.data_dir} is held by {_holder(file.read())}; "
                "stop that service or give another --data-dir"
            ) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), "doing": doing or _serving(settings)}, file)
        file.flush()
        yield


def _holder(said: str) -> str:
    try:
        holder = json.loads(said)
    except ValueError:
        return "another service"
    return f"process {holder['pid']}, which {holder['doing']}"


def _serving(settings: Settings) -> str:
    return f"serves http://{settings.host}:{settings.port}"


def require_loopback(host: str) -> None:
    """Until there are API keys, nobody but this machine may reach the service."""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise CannotServe(
            f"--host {host} would let others in, and there are no API keys yet; "
            "serve on 127.0.0.1 and put a proxy or an SSH tunnel before it"
        )


def held_by(data_dir: Path) -> str | None:
    """Who serves this data folder now; None when nobody does."""
    path = data_dir / "lock"
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(file.read())
    return None
