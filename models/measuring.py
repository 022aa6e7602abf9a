"""What a trained model costs, measured: objectives that no epoch reports. No keras."""

import time
from collections.abc import Collection
from statistics import median
from typing import TYPE_CHECKING

from kerasearch.models.datasets.arrays import Features
from kerasearch.models.tasks import Direction

if TYPE_CHECKING:
    import keras

COSTS: dict[str, Direction] = {
    "parameters": "minimize",
    "latency_ms": "minimize",
    "train_time_s": "minimize",
}
"""What a search may optimize beside the metrics of its task."""

WARM_UP = 5
PREDICTIONS = 30


def measured_costs(
    names: Collection[str], model: "keras.Model", row: Features, train_time_s: float
) -> dict[str, float]:
    """Those of `COSTS` that are named.

    Args:
        names: Others among them are left out.
        model: Takes raw rows.
        row: A batch of one.
        train_time_s: From the model's building to its last epoch, on a machine that others share.
    """
    costs = {}
    if "parameters" in names:
        costs["parameters"] = float(model.count_params())
    if "latency_ms" in names:
        costs["latency_ms"] = latency_ms(model, row)
    if "train_time_s" in names:
        costs["train_time_s"] = train_time_s
    return costs


def latency_ms(model: "keras.Model", row: Features) -> float:
    """Median time of a prediction for a batch of one, after the first ones, which compile."""
    given = model.predict_function
    model.make_predict_function(force=True)  # by a compiled epoch's, weights are copied each time
    times = []
    for _ in range(WARM_UP + PREDICTIONS):
        begun = time.perf_counter()
        model.predict_on_batch(row)
        times.append(time.perf_counter() - begun)
    model.predict_function = given
    return 1000 * median(times[WARM_UP:])
