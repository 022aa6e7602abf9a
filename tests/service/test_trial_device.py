"""A trial process sees its share of a GPU and nothing else, before TensorFlow's first op."""

import os
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from kerasearch.service import trial_device
from kerasearch.service.devices import GPU
from kerasearch.service.executors.gpu_shares import Share
from kerasearch.service.trial_device import keep_to

CARD = GPU(index=1, uuid="GPU-1a2b", name="NVIDIA H100", memory_mib=80_000)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """TensorFlow's, of a machine whose one visible GPU is `card`."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-0,GPU-1a2b")
    config = Mock()
    config.list_physical_devices.side_effect = lambda kind: ["card"]
    config.LogicalDeviceConfiguration.side_effect = lambda limit: f"{limit} MiB"
    monkeypatch.setattr(trial_device, "tf", SimpleNamespace(config=config))
    return config


def test_without_a_share_no_gpu_is_seen(config: Mock) -> None:
    assert keep_to(None) == "cpu"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    config.set_visible_devices.assert_called_once_with([], "GPU")


@pytest.mark.parametrize("part", [1.0, 0.25])
def test_a_share_is_one_gpu_whose_memory_grows_when_it_is_whole_and_else_is_limited(
    config: Mock, part: float
) -> None:
    assert keep_to(Share(CARD, part)) == "NVIDIA H100 (1)"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1a2b"
    config.set_visible_devices.assert_called_once_with(["card"], "GPU")
    if part == 1:
        config.experimental.set_memory_growth.assert_called_once_with("card", True)
        config.set_logical_device_configuration.assert_not_called()
    else:
        config.set_logical_device_configuration.assert_called_once_with("card", ["20000 MiB"])
        config.experimental.set_memory_growth.assert_not_called()


def test_a_gpu_that_tensorflow_cannot_use_is_told_as_the_cpu_that_computes(config: Mock) -> None:
    config.list_physical_devices.side_effect = lambda kind: []
    assert keep_to(Share(CARD, 1.0)) == "cpu"
