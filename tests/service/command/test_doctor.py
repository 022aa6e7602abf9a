import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasearch.service import splitting
from kerasearch.service.command import doctor
from kerasearch.service.command.doctor import Check, examine, line_of
from kerasearch.service.splitting import Split


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def free_port(taken_port: int) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def found(monkeypatch: pytest.MonkeyPatch, data_dir: Path, port: int) -> dict[str, Check]:
    monkeypatch.setattr(
        doctor, "ASK_TENSORFLOW", "print('[\"CPU\"]')"
    )  # it takes seconds to import
    return {check.name: check for check in examine(data_dir, "127.0.0.1", port)}


def test_a_machine_that_can_serve_passes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: int
) -> None:
    checks = found(monkeypatch, tmp_path / "not" / "yet", free_port)
    assert [check for check in checks.values() if check.state == "fail"] == []
    assert checks["python"].found.startswith(".".join(map(str, sys.version_info[:3])))
    assert checks["devices"].found == "1 CPU"
    assert checks["keras"].found[0].isdigit()
    assert not (tmp_path / "not").exists()


def test_the_split_that_workers_auto_measured_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: int
) -> None:
    cores = len(os.sched_getaffinity(0))
    split = Split(cores=cores, workers=3, epochs_a_second={3: 24.2, 1: 16.5})
    (tmp_path / splitting.FILE).write_text(split.model_dump_json())
    told = "`--workers auto` takes 3 (epochs a second of 3: 24, 1: 16)"
    assert told in found(monkeypatch, tmp_path, free_port)["cores"].found


def test_a_port_that_is_taken_fails_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, taken_port: int
) -> None:
    monkeypatch.setattr(doctor, "_is_kerasearch", lambda _: False)
    port = found(monkeypatch, tmp_path, taken_port)["port"]
    assert (port.state, port.mend) == ("fail", "give serve another --port")


def test_a_data_folder_that_a_service_holds_is_a_warning_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: int
) -> None:
    holder = {"pid": 123, "doing": "serves http://127.0.0.1:9000"}
    (tmp_path / "lock").write_text(json.dumps(holder))
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = found(monkeypatch, tmp_path, free_port)["data folder"]
    assert folder.state == "warn"
    assert "process 123" in folder.found


def test_a_missing_package_fails_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: int
) -> None:
    monkeypatch.setattr(doctor, "TENSORFLOWS", ("tensorflow-nowhere",))
    monkeypatch.setattr(doctor, "PACKAGES", ("optuna-nowhere",))
    checks = found(monkeypatch, tmp_path, free_port)
    assert checks["tensorflow"].mend.startswith("pip install 'kerasearch[cpu]'")
    assert checks["optuna-nowhere"].state == "fail"


def test_a_tensorflow_that_crashes_fails_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "ASK_TENSORFLOW", "raise SystemExit('no AVX here')")
    assert doctor._devices() == Check(
        "devices", "fail", "no AVX here", "install TensorFlow anew; see its line above"
    )


def test_a_tensorflow_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ASK_TENSORFLOW", "import time; time.sleep(60)")
    monkeypatch.setattr(doctor, "TENSORFLOW_S", 0.1)
    assert doctor._devices().state == "warn"


def test_what_mends_a_thing_stands_below_it() -> None:
    line = line_of(Check("port", "fail", "8000 is taken", "give serve another --port")).plain
    assert line == "fail  port         8000 is taken\n" + " " * 19 + "give serve another --port"
