"""How long params that can't be trained take a trial process: to stay below 2 s each.

    .venv/bin/python benchmarks/infeasible.py

Seconds from an attempt's beginning to its end as infeasible, in a process that has trained before,
of a loss that is NaN in the first epoch, a layer of 1e9 units and layers that Keras refuses. A loss
that overflows later is seen at the end of that epoch, however long it is.
Prints a table and writes benchmarks/results/infeasible.json.
"""

import statistics
import tempfile
from pathlib import Path

from figures import RESULTS, publish
from peers import WARM_UP, finished

from kerasearch.service.client import Client
from kerasearch.service.launching import running_service
from kerasearch.service.trials import TrialState

JOB = {
    "model": "mlp",
    "data": {"dataset": "digits"},
    "budget": {"trials": 4, "epochs": 3},
    "resources": {"parallel": 1},
}
SPACE = {"layers": 1, "batch_size": {"type": "choice", "values": [16, 32, 64, 128]}}
FAULTS = {
    "NaN": {
        **JOB,
        "space": {**SPACE, "optimizer": "sgd", "learning_rate": 1e30, "activation": "linear"},
    },
    "too large": {**JOB, "space": {**SPACE, "units_1": 10**9}},
    "unbuildable": {
        **JOB,
        "model": "recurrent",
        "data": {"dataset": "decaying-cosine"},
        "space": {**SPACE, "bidirectional": True, "stateful": True},
    },
}


def main() -> None:
    figures: dict[str, float | str] = {}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        running_service(Path(name), workers=2) as service,
        Client(service.url) as client,
    ):
        finished(client, client.submit(WARM_UP))
        for fault, request in FAULTS.items():
            trials = list(client.trials(finished(client, client.submit(request)).id))
            if {trial.state for trial in trials} != {TrialState.INFEASIBLE}:
                raise RuntimeError(f"{fault} isn't infeasible: {trials}")
            seconds = [trial.duration_s or 0.0 for trial in trials]
            figures[f"{fault}, median of {len(seconds)}, s"] = statistics.median(seconds)
            figures[f"{fault}, longest, s"] = max(seconds)
    publish(figures, RESULTS / "infeasible.json")


if __name__ == "__main__":
    main()
