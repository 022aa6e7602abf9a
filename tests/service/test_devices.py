"""GPUs that are found are those that may be used."""

import pytest

from kerasearch.service import devices
from kerasearch.service.devices import GPU, find_gpus
from kerasearch.service.testing import FakeNVML


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "pynvml", FakeNVML("Big", "Small", memory_mib=100))


def test_every_gpu_is_found_with_its_name_and_memory() -> None:
    assert find_gpus() == (GPU(0, "GPU-0", "Big", 100), GPU(1, "GPU-1", "Small", 100))


def test_a_machine_without_the_driver_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "pynvml", FakeNVML())
    assert find_gpus() == ()


@pytest.mark.parametrize(
    ("visible", "names"),
    [("1", ["Small"]), ("GPU-0", ["Big"]), ("1, 0", ["Big", "Small"]), ("", []), ("-1", [])],
)
def test_what_cuda_visible_devices_hides_is_not_given_out(
    visible: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in find_gpus()] == names


def test_the_tensorflow_without_cuda_uses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_tensorflow_cpu(name: str) -> str:
        raise devices.PackageNotFoundError(name)

    devices.usable_gpus.cache_clear()
    monkeypatch.setattr(devices, "version", lambda _: "2.20")
    assert len(devices.usable_gpus()) == 2
    devices.usable_gpus.cache_clear()
    monkeypatch.setattr(devices, "version", only_tensorflow_cpu)
    assert devices.usable_gpus() == ()
    devices.usable_gpus.cache_clear()
