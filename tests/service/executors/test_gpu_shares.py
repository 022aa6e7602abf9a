"""GPUs are shared out so that no share is more than there is."""

import pytest

from kerasearch.service.devices import GPU
from kerasearch.service.executors.gpu_shares import Share, free_gpu

ONE, TWO = (GPU(i, f"GPU-{i}", "Fast", 16_000) for i in range(2))


def test_a_trial_gets_the_gpu_of_which_least_is_taken() -> None:
    assert free_gpu([ONE, TWO], [], 1.0) == ONE
    assert free_gpu([ONE, TWO], [Share(ONE, 0.5)], 0.25) == TWO
    assert free_gpu([ONE, TWO], [Share(ONE, 0.5), Share(TWO, 0.75)], 0.5) == ONE


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_as_many_equal_parts_fit_as_make_one_gpu(parts: int) -> None:
    taken = [Share(ONE, 1 / parts)] * (parts - 1)
    assert free_gpu([ONE], taken, 1 / parts) == ONE
    assert free_gpu([ONE], [*taken, Share(ONE, 1 / parts)], 1 / parts) is None


def test_without_gpus_none_is_free() -> None:
    assert free_gpu([], [], 1.0) is None
