"""Children say where they are, and end when they are told to or when their parent is gone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from kerasearch.service.process import beat, pulse, silent_stderr
from kerasearch.service.testing import is_gone, wait_until

CHILD = "from kerasearch.service.process import die_with_parent; die_with_parent()"
SLEEP = "import time; print('ready', flush=True); time.sleep(600)"


def test_a_part_leaves_a_sign_of_life(tmp_path: Path) -> None:
    assert pulse(tmp_path, "scheduler") is None
    beat(tmp_path, "scheduler", "ready")
    beat(tmp_path, "scheduler", "waits")
    found = pulse(tmp_path, "scheduler")
    assert found is not None
    assert (found.state, found.pid) == ("waits", os.getpid())
    assert found.age_s >= 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_to_stop_by(number: signal.Signals) -> None:
    program = (
        "from kerasearch.service.process import stop_on_sigterm\n"
        "stop = stop_on_sigterm()\n"
        "print('ready', flush=True)\n"
        "stop.wait()\n"
        "print('in good order')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(number)
    assert child.communicate()[0] == "in good order\n"
    assert child.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the death of a parent")
def test_a_child_dies_with_its_parent_even_by_sigkill() -> None:
    parent_program = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {f'{CHILD}; {SLEEP}'!r}])\n"
        "child.wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_program], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    (child,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.communicate()
    wait_until(lambda: is_gone(child))


def test_a_child_whose_parent_was_gone_before_ends_at_once() -> None:
    program = (
        f"from kerasearch.service.process import die_with_parent; die_with_parent({os.getpid()})"
    )
    stranger = program.replace(str(os.getpid()), "1")
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    ended = subprocess.run(
        [sys.executable, "-c", stranger], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr == "the supervisor is gone\n"


def test_what_native_code_says_meanwhile_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    with silent_stderr():
        os.write(2, b"dropped")
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"
