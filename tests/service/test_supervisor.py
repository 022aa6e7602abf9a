"""The service starts where it may, keeps its parts alive and leaves no process behind."""

import math
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from kerasearch.service import supervisor
from kerasearch.service.errors import CannotServe
from kerasearch.service.ports import free_port
from kerasearch.service.process import beat
from kerasearch.service.settings import Settings
from kerasearch.service.supervisor import (
    LONGEST_PAUSE_S,
    SCHEDULER_START_S,
    Part,
    _searches,
    data_dir_lock,
    held_by,
    require_loopback,
    serve,
)
from kerasearch.service.testing import is_gone, wait_until

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", port=free_port())


@pytest.fixture
def parts() -> Iterator[list[Part]]:
    """Ended after the test, whatever became of them in it."""
    parts: list[Part] = []
    yield parts
    for part in parts:
        if part.process is not None:
            part.process.kill()
            part.process.wait()


def _part(parts: list[Part], program: str) -> Part:
    parts.append(Part("child", [sys.executable, "-c", program], {}))
    parts[-1].start()
    return parts[-1]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_this_machine_alone_is_served(host: str) -> None:
    require_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_any_other_address_is_refused(host: str, settings: Settings) -> None:
    with pytest.raises(CannotServe, match="there are no API keys yet"):
        serve(settings.model_copy(update={"host": host}))
    assert not settings.data_dir.exists()


def test_a_busy_port_is_refused(settings: Settings) -> None:
    taken = f"port {settings.port} .*give another --port"
    with (
        socket.create_server(("127.0.0.1", settings.port)),
        pytest.raises(CannotServe, match=taken),
    ):
        serve(settings)
    assert not settings.data_dir.exists()


def test_a_plugin_folder_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match=r"there is no folder .*give another --plugins"):
        serve(settings.model_copy(update={"plugins_dir": tmp_path / "nowhere"}))
    assert not settings.data_dir.exists()


def test_a_folder_that_cannot_be_made_is_refused(settings: Settings) -> None:
    settings.data_dir.write_text("a file")
    with pytest.raises(CannotServe, match="give another --data-dir"):
        serve(settings)


def test_a_held_data_folder_is_refused_and_its_holder_named(settings: Settings) -> None:
    settings.data_dir.mkdir()
    holder = settings.model_copy(update={"port": 8123})
    assert held_by(settings.data_dir) is None
    with data_dir_lock(holder):
        with pytest.raises(CannotServe, match=r"held by process \d+.*127\.0\.0\.1:8123"):
            serve(settings)
        assert "http://127.0.0.1:8123" in (held_by(settings.data_dir) or "")
    assert held_by(settings.data_dir) is None


def test_the_lock_of_a_service_that_was_killed_is_free(settings: Settings) -> None:
    settings.data_dir.mkdir()
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from kerasearch.service.settings import Settings\n"
        "from kerasearch.service.supervisor import data_dir_lock\n"
        "with data_dir_lock(Settings(data_dir=Path(sys.argv[1]))):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.data_dir)], stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    assert held_by(settings.data_dir) is not None
    other.kill()
    other.communicate()
    with data_dir_lock(settings):
        pass


def test_a_part_that_died_is_started_again(parts: list[Part]) -> None:
    part = _part(parts, SLEEP)
    first = part.process
    assert first is not None
    part.keep_alive()
    assert part.process is first
    first.kill()
    first.wait()
    wait_until(lambda: part.keep_alive() or part.process is not first)
    assert part.process is not None
    assert part.process.poll() is None


def test_a_part_that_keeps_dying_is_started_later_and_later(
    parts: list[Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: clock.now))
    part = _part(parts, "")
    starts = []
    for _ in range(600):
        assert part.process is not None
        part.process.wait()
        before = part.process
        part.keep_alive()
        if part.process is not before:
            starts.append(clock.now)
        clock.now += 0.1
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    longest = [LONGEST_PAUSE_S] * (len(pauses) - 6)
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, *longest], abs=0.11)
    assert len(longest) > 1


def test_what_shows_trials_starts_when_they_run_or_should_long_since(
    parts: list[Part], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.run_dir.mkdir(parents=True)
    scheduler = _part(parts, SLEEP)
    scheduler.name = "scheduler"
    assert not _searches(settings, scheduler)
    beat(settings.run_dir, "scheduler", "starting trial processes")
    assert not _searches(settings, scheduler)
    late = scheduler.started_at + SCHEDULER_START_S + 1
    with monkeypatch.context() as patch:
        patch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: late))
        assert _searches(settings, scheduler)
    beat(settings.run_dir, "scheduler", "ready")
    assert _searches(settings, scheduler)


def test_all_parts_end_and_one_that_is_deaf_to_sigterm_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.5)
    willing = [subprocess.Popen([sys.executable, "-c", SLEEP]) for _ in range(2)]
    deaf = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    assert deaf.stdout.readline() == b"deaf\n"
    supervisor._end([*willing, deaf])
    deaf.stdout.close()
    assert [process.returncode for process in (*willing, deaf)] == [-15, -15, -9]


def test_parts_die_with_a_supervisor_that_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from kerasearch.service.supervisor import Part\n"
        f"Part('child', [sys.executable, '-c', {SLEEP!r}], {{}}).start()\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"started\n"
    (child,) = psutil.Process(killed.pid).children()
    killed.kill()
    killed.communicate()
    wait_until(lambda: is_gone(child))


def test_a_signal_does_not_wait_for_an_api_that_never_comes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "API_START_S", math.inf)
    stop = threading.Event()
    stop.set()
    supervisor._wait_for_port(settings, stop)
