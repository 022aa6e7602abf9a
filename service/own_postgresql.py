"""A PostgreSQL of one's own for as long as a block lasts: for benchmarks and tests.

It listens on a Unix socket in its folder and nowhere else. Debian's `postgresql` brings it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from kerasearch.service.process import die_with_parent

INSTALLED = "/usr/lib/postgresql/*/bin"
"""Where Debian puts what it doesn't put on the PATH."""

START_S = 60.0


class OwnPostgreSQL:
    """A server in a folder: started, killed and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def start(self) -> None:
        """Raises TimeoutError, with what the server said."""
        log = self._folder / "log"
        deadline = time.monotonic() + START_S
        while not self._is_ready():
            # One refuses to start beside processes of a killed one that have yet to find out.
            if self._process is None or self._process.poll() is not None:
                self._process = self._launch(log)
            if time.monotonic() > deadline:
                raise TimeoutError(log.read_text()[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """As kill -9 of the whole server; what was committed is there after the next start."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """At once, whoever is connected."""
        self._end(signal.SIGINT)

    def _launch(self, log: Path) -> "subprocess.Popen[bytes]":
        options = [f"-D{self._folder / 'data'}", f"-k{self._folder}", "-clisten_addresses="]
        with log.open("ab") as said:
            return subprocess.Popen(  # noqa: S603 - a program of this machine's
                [self._programs / "postgres", *options, "-cmax_connections=200"],
                stdout=said,
                stderr=said,
                process_group=0,
                preexec_fn=partial(die_with_parent, os.getpid()),
                **_not_as_root(),
            )

    def _is_ready(self) -> bool:
        """What the server says itself, in the file whose first line is its process."""
        try:
            said = (self._folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        ours = self._process is not None and said[:1] == [str(self._process.pid)]
        return ours and said[-1].strip() == "ready"

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


@contextmanager
def own_postgresql(*, durable: bool = True) -> Iterator[OwnPostgreSQL]:
    """A new server that is up.

    Args:
        durable: Whether it writes so that a power cut loses nothing, as a real one has to.

    Raises:
        FileNotFoundError: PostgreSQL isn't installed.
    """
    programs = _programs()
    # Not in a test's own folder, which the user `postgres` may not enter; and a socket's path is
    # at most 107 characters long.
    with tempfile.TemporaryDirectory(prefix="kerasearch-postgresql-") as name:
        folder = Path(name)
        if who := _not_as_root():
            shutil.chown(folder, who["user"], who["group"])
        subprocess.run(  # noqa: S603 - a program of this machine's
            [
                programs / "initdb",
                f"--pgdata={folder / 'data'}",
                "--username=postgres",
                "--auth=trust",  # nobody else may enter the folder of its socket
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **who,
        )
        if not durable:
            (folder / "data" / "postgresql.auto.conf").write_text("fsync = off\n")
        server = OwnPostgreSQL(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path:
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    *_, newest = (None, *sorted(Path("/").glob(f"{INSTALLED[1:]}/postgres")))
    if newest is None:
        raise FileNotFoundError("no PostgreSQL on this machine: apt-get install postgresql")
    return newest.parent


def _not_as_root() -> dict[str, Any]:  # Any: arguments of subprocess
    """PostgreSQL refuses to run as root; Debian's package makes a user for it."""
    if os.getuid():
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}
