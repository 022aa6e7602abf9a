"""One of several trial processes that are measured together: `python -m ... THREADS SECONDS`.

Trains small networks on digits, ready when it says so, from a line on stdin on; prints its epochs.
"""

import sys
import time

from kerasearch.service.process import die_with_parent, silent_stderr

with silent_stderr():
    import tensorflow as tf

from kerasearch.models import load_family
from kerasearch.models.datasets import load_builtin, split_rows
from kerasearch.models.plan import TrainingPlan
from kerasearch.models.training import train
from kerasearch.models.training_data import training_data
from kerasearch.searchspaces.parameters import Params

EPOCHS = 3
NETWORKS: dict[str, Params] = {
    "mlp": {
        "layers": 2,
        "units_1": 64,
        "units_2": 32,
        "activation": "relu",
        "batch_norm": False,
        "dropout": 0.2,
    },
    "cnn": {
        "blocks": 2,
        "filters": 16,
        "kernel_size": 3,
        "pooling": "max",
        "batch_norm": False,
        "dense_units": 64,
        "dropout": 0.2,
        "augmentation": False,
    },
}


def main(threads: int, seconds: float) -> None:
    die_with_parent()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    dataset = load_builtin("digits")
    assert dataset.labels is not None  # noqa: S101 - digits have a class each
    split = split_rows(dataset.labels, validation=0.2, test=0.2, stratify=True, seed=0)
    rows = split.train, split.validation
    data = training_data(dataset, *rows, task="classification", scale="standard", params={})

    def train_each() -> int:
        plan = TrainingPlan(EPOCHS, early_stopping=None)
        for name, params in NETWORKS.items():
            train(load_family(name)(data.shape), params, data.parts, plan, 0, lambda *_: True)
        return EPOCHS * len(NETWORKS)

    train_each()  # builds and traces, which isn't what is measured
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    until, epochs = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        epochs += train_each()
    sys.stdout.write(f"{epochs}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with silent_stderr():
        main(int(sys.argv[1]), float(sys.argv[2]))
