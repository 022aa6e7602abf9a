import keras
import pytest

from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.limits import NO_LIMITS, ModelLimits, keep_limits


def sketch() -> keras.Model:
    """54 parameters, 102 FLOPs, and 0.0040 MiB with batches of 64."""
    with keras.StatelessScope(initialize_variables=False):
        return keras.Sequential([keras.Input((10,)), keras.layers.Dense(4), keras.layers.Dense(2)])


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (ModelLimits(parameters=53), "a model of 54 parameters is over the limit of 53 that"),
        (ModelLimits(flops=101), "a model of 102 FLOPs an example is over the limit of 101 that"),
        (ModelLimits(memory_mib=0.003), "is over the limit of 0.003 that .* limits.memory_mib"),
    ],
)
def test_a_sketch_over_a_limit_is_refused_with_both_numbers(
    limits: ModelLimits, sentence: str
) -> None:
    with pytest.raises(InfeasibleError, match=sentence):
        keep_limits(sketch(), limits, batch_size=64)


def test_a_sketch_at_its_limits_passes() -> None:
    keep_limits(sketch(), ModelLimits(parameters=54, flops=102, memory_mib=0.005), batch_size=64)
    keep_limits(sketch(), NO_LIMITS, batch_size=64)


def test_the_larger_the_batch_the_more_memory_is_needed() -> None:
    limits = ModelLimits(memory_mib=0.005)
    with pytest.raises(InfeasibleError, match="MiB of memory in training"):
        keep_limits(sketch(), limits, batch_size=640)
