"""How much memory a trial takes: of each built-in dataset with each family that reads it.

    .venv/bin/python benchmarks/memory.py

Each trial is the largest model of the family's default space, trained in a fresh process of a
service; the last is a small network on pictures that are four times as large as the limit.
Figures are resident memory at its peak, as trials report it: what a process shares with the one
that it was forked from counts in full. Prints a table and writes benchmarks/results/memory.json;
ends with 1 where one is above the limit.
"""

import io
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from figures import RESULTS, publish
from PIL import Image

from kerasearch.models import FAMILIES, FamilyInfo
from kerasearch.models.datasets import BUILTIN
from kerasearch.models.tasks import OF_ROWS_ALONE
from kerasearch.searchspaces import SearchSpace
from kerasearch.searchspaces.space import Choice
from kerasearch.searchspaces.training import TRAINING_PARAMETERS
from kerasearch.service.client import Client
from kerasearch.service.launching import running_service
from kerasearch.service.trials import Trial

LIMIT_MIB = 1536
EPOCHS = 1  # no later one takes more

SIDE = 160
PICTURES = 4 * LIMIT_MIB * 2**20 // (SIDE * SIDE * 3 * 4) + 1
"""Of so many, as float32."""

SMALL = {"blocks": 1, "filters": 8, "dense_units": 32, "augmentation": False, "batch_size": 32}
POLL_S = 0.5


def main() -> None:
    os.environ["KERASEARCH_TRIALS_PER_PROCESS"] = "1"
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        running_service(Path(name, "data")) as service,
        Client(service.url) as client,
    ):
        submitted = {
            f"{request['model']}, {request['data']['dataset']}": client.submit(request).id
            for request in requests()
        }
        pictures = Path(name, "pictures.zip")
        write_pictures(pictures)
        client.add_dataset(pictures, name="pictures", kind="image", schema={})
        large = {"model": "cnn", "data": {"dataset": "pictures"}, "space": SMALL}
        submitted["cnn, pictures of 6 GiB"] = client.submit(one_trial(large)).id
        peaks = {pair: peak_mib(client, job_id) for pair, job_id in submitted.items()}
    publish({f"{pair}, MiB": mib for pair, mib in peaks.items()}, RESULTS / "memory.json")
    if above := [pair for pair, mib in peaks.items() if mib > LIMIT_MIB]:
        sys.exit(f"above {LIMIT_MIB} MiB: {'; '.join(above)}")


def requests() -> Iterator[dict[str, Any]]:
    for dataset in BUILTIN.values():
        for family in FAMILIES.values():
            tasks = {*dataset.tasks, *OF_ROWS_ALONE} & set(family.tasks)
            if dataset.kind in family.data_kinds and tasks:
                space = largest(family, family.space_of(dataset.kind))
                data = {"dataset": dataset.name}
                yield one_trial({"model": family.name, "data": data, "space": space})


def one_trial(request: dict[str, Any]) -> dict[str, Any]:
    return {
        **request,
        "budget": {"trials": 1, "epochs": EPOCHS},
        "training": {"early_stopping": None},
    }


def largest(family: FamilyInfo, space: SearchSpace) -> dict[str, Any]:
    """The upper end of every number that isn't the optimizer's."""
    ends = {}
    for name, parameter in space.parameters.items():
        if name in TRAINING_PARAMETERS and name != "batch_size":
            continue
        if not isinstance(parameter, Choice):
            ends[name] = parameter.bounds()[1]
        elif all(isinstance(value, int | float) for value in parameter.values):
            ends[name] = max(parameter.values)
    return SearchSpace.parse(ends, space).sample(Random(0))


def peak_mib(client: Client, job_id: str) -> float:
    while not (job := client.job(job_id)).state.ended:
        time.sleep(POLL_S)
    trial: Trial
    (trial,) = client.trials(job_id)
    pair = f"{job.request.model}, {job.request.data.dataset}"
    if trial.memory_mib is None or job.best is None:
        sys.exit(f"{pair}: {trial.reason}")
    print(f"{pair}: {trial.memory_mib:.0f} MiB in {trial.duration_s or 0:.0f} s")
    return trial.memory_mib


def write_pictures(path: Path) -> None:
    """Two classes of pictures of one colour and a square of another."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(PICTURES):
            label = number % 2
            pixels = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)
            x, y = rng.integers(0, SIDE // 2, 2)
            side = SIDE // 2 if label else SIDE // 4
            pixels[x : x + side, y : y + side] = rng.integers(0, 256, 3)
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "PNG", compress_level=1)
            archive.writestr(f"{('small', 'large')[label]}/{number}.png", content.getvalue())


if __name__ == "__main__":
    main()
